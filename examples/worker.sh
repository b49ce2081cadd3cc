#!/bin/sh
# A shell worker: one process a job. What it prints is the result, what it complains of goes to the log,
# and any exit status but 0 fails the job.
#
#   zmws worker --service-name COUNT-WORDS -- examples/worker.sh
#   zmws call COUNT-WORDS text='three little words'        prints 3
#
# The members of the parameter are in ZMWS_PARAM_<name>; the whole parameter is JSON on standard input.

set -eu

if [ -z "${ZMWS_PARAM_text+given}" ]; then
    echo "job $ZMWS_JOB_ID has no text" >&2
    exit 1
fi

printf '%s\n' "$ZMWS_PARAM_text" | wc -w | tr -d ' '
