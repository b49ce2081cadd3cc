//! Record, replay and compare zmws traffic.
