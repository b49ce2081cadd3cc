use bytes::Bytes;
use proptest::prelude::*;

use super::{Charge, Memory, Purpose};

#[test]
fn a_charge_is_given_back_when_it_is_dropped() {
    let memory = Memory::new(100);
    let charge = memory.account(Purpose::Jobs).charge(60).expect("there is room");
    assert_eq!((memory.held(), memory.account(Purpose::Jobs).held()), (60, 60));
    drop(charge);
    assert_eq!((memory.held(), memory.account(Purpose::Jobs).held()), (0, 0));
}

#[test]
fn accounts_share_one_maximum() {
    let memory = Memory::new(100);
    let _jobs = memory.account(Purpose::Jobs).charge(60).expect("there is room");
    let full = memory.account(Purpose::Unread).charge(41).expect_err("there is none");
    assert_eq!((full.purpose, full.held, full.max), (Purpose::Unread, 60, 100));
    assert_eq!((memory.held(), memory.refused()), (60, 1));
    let _promised = memory.account(Purpose::Unread).charge_promised(41);
    assert_eq!(memory.held(), 101);
}

#[test]
fn each_purpose_has_the_account_of_its_name() {
    let memory = Memory::default();
    for purpose in Purpose::ALL {
        assert_eq!(memory.account(purpose).purpose(), purpose);
    }
}

#[test]
fn a_charge_around_bytes_lives_as_long_as_any_slice_of_them() {
    let memory = Memory::new(100);
    let charge = memory.account(Purpose::Responses).charge(10).expect("there is room");
    let bytes = charge.around(Bytes::from_static(b"0123456789"));
    let slice = bytes.slice(3..5);
    drop(bytes);
    assert_eq!((&slice[..], memory.held()), (&b"34"[..], 10));
    drop(slice);
    assert_eq!(memory.held(), 0);
}

proptest! {
    #[test]
    fn books_are_the_sum_of_the_charges_that_are_alive(
        steps in prop::collection::vec((0..4_usize, 0..Purpose::ALL.len(), 0..1_000_usize), 0..100),
    ) {
        let memory = Memory::new(10_000);
        let mut alive: Vec<(Purpose, Charge)> = Vec::new();
        for (what, which, bytes) in steps {
            let purpose = Purpose::ALL[which];
            match (what, alive.is_empty()) {
                (0, _) | (_, true) => alive.extend(memory.account(purpose).charge(bytes).ok().map(|c| (purpose, c))),
                (1, false) => drop(alive.swap_remove(which % alive.len())),
                (2, false) => {
                    let at = which % alive.len();
                    let before = alive[at].1.bytes();
                    if alive[at].1.resize(bytes).is_err() {
                        prop_assert_eq!(alive[at].1.bytes(), before);
                    }
                }
                (_, false) => {
                    let at = which % alive.len();
                    let less = bytes.min(alive[at].1.bytes());
                    alive[at].1.set(less);
                }
            }
            let sum: usize = alive.iter().map(|(_, charge)| charge.bytes()).sum();
            prop_assert_eq!(memory.held(), sum);
            prop_assert!(sum <= memory.max());
            for (purpose, held) in memory.accounts() {
                let of_it = alive.iter().filter(|(of, _)| *of == purpose);
                prop_assert_eq!(held, of_it.map(|(_, charge)| charge.bytes()).sum::<usize>());
            }
        }
    }
}
