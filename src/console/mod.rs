//! What shows a running site on a terminal: `status`, `top`, `tail`.
