//! Dump and load.

use proptest::prelude::*;

use super::super::{MemoryStore, Store, lines};
use super::{batches, kept};
use crate::broker::Record;

proptest! {
    #[test]
    fn what_is_loaded_is_what_was_dumped(batches in batches()) {
        let (mut store, mut copy) = (MemoryStore::default(), MemoryStore::default());
        for batch in &batches {
            store.commit(batch).expect("memory");
        }
        let dump: Vec<String> = kept(&mut store).iter().map(lines::write).collect();
        let records: Vec<Record> = dump.iter().map(|line| lines::read(line).expect("ours")).collect();
        copy.commit(&records).expect("memory");
        prop_assert_eq!(kept(&mut copy), kept(&mut store));
    }

    #[test]
    fn no_line_makes_the_reader_panic(line in "(\\{\"kind\":\"(job|dead|service)\",)?.{0,60}") {
        let _ = (lines::read(&line), lines::read_head(&line));
    }
}

#[test]
fn lines_are_for_people_too() {
    let job = super::job(1);
    insta::assert_snapshot!(lines::write(&crate::broker::Restored::Job(job)), @r#"{"kind":"job","id":"0000-0001","service":"MAIL","client":"client","requested_at_us":1,"attempts":0,"frames":["PARAM-JSON: 1"]}"#);
    assert!(lines::read_head(&lines::head()).is_ok());
    insta::assert_snapshot!(lines::read_head(r#"{"kind":"zmws_jobs","format":2}"#).expect_err("newer"), @"these jobs have format 2, this program reads 1: use the zmws that wrote them");
}
