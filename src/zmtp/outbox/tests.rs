//! The output as a stream, and what memory it keeps.

use proptest::prelude::*;

use super::*;

fn all(outbox: &Outbox) -> Vec<u8> {
    let mut slices = [IoSlice::new(&[]); 1024];
    let filled = outbox.slices(&mut slices);
    slices[..filled].iter().flat_map(|slice| slice.to_vec()).collect()
}

#[test]
fn large_frames_are_shared_and_small_ones_gathered() {
    let mut outbox = Outbox::default();
    let large = Bytes::from(vec![1; SLICE_MAX + 1]);
    outbox.put(b"head");
    outbox.put_frame(&Bytes::from_static(b"small"));
    outbox.put_frame(&large);
    outbox.put(b"tail");
    let mut slices = [IoSlice::new(&[]); 8];
    assert_eq!(outbox.slices(&mut slices), 3);
    assert_eq!(&*slices[0], b"headsmall");
    assert_eq!(slices[1].as_ptr(), large.as_ptr());
    assert_eq!(&*slices[2], b"tail");
}

#[test]
fn slices_fill_no_more_than_they_are_given() {
    let mut outbox = Outbox::default();
    outbox.put(b"one");
    outbox.put_frame(&Bytes::from(vec![2; SLICE_MAX + 1]));
    outbox.put(b"three");
    let mut one = [IoSlice::new(&[]); 1];
    assert_eq!(outbox.slices(&mut one), 1);
    assert_eq!(&*one[0], b"one");
    assert_eq!(outbox.slices(&mut []), 0);
}

#[test]
fn a_buffer_that_drained_is_used_again() {
    let mut outbox = Outbox::default();
    outbox.put(&[0; 1000]);
    let buffer = (outbox.open.as_ptr(), outbox.open.capacity());
    for _ in 0..100 {
        outbox.advance(600);
        outbox.advance(400);
        assert!(outbox.is_empty());
        outbox.put(&[0; 1000]);
    }
    assert_eq!((outbox.open.as_ptr(), outbox.open.capacity()), buffer);
}

#[test]
fn what_was_huge_keeps_64_kib_at_most() {
    let mut outbox = Outbox::default();
    for _ in 0..10_000 {
        outbox.put(&[0; 1000]);
        outbox.put_frame(&Bytes::from(vec![0; SLICE_MAX]));
    }
    outbox.advance(outbox.len());
    assert!(outbox.is_empty() && outbox.closed.is_empty());
    assert!(outbox.open.capacity() <= CHUNK, "{}", outbox.open.capacity());
}

/// A slow reader's output is freed as it reads, though it never catches up.
#[test]
fn what_is_written_is_freed_though_more_waits() {
    let mut outbox = Outbox::default();
    outbox.put(&[0; 100]);
    for _ in 0..10_000 {
        outbox.put(&[0; 1000]);
        outbox.advance(1000);
    }
    let kept: usize = outbox.closed.iter().map(Bytes::len).sum::<usize>() + outbox.open.capacity();
    assert_eq!(outbox.len(), 100);
    assert!(kept <= 2 * CHUNK, "{kept}");
}

#[derive(Clone, Debug)]
enum Step {
    Put(Vec<u8>),
    Frame(usize),
    Copied(usize),
    /// Frames of a message, by their sizes.
    Message(Vec<usize>),
    Advance(usize),
    Rest,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let sizes = prop_oneof![0..300usize, SLICE_MAX - 2..SLICE_MAX + 2, 0..40_000usize];
    let step = prop_oneof![
        proptest::collection::vec(any::<u8>(), 0..300).prop_map(Step::Put),
        sizes.clone().prop_map(Step::Frame),
        sizes.clone().prop_map(Step::Copied),
        proptest::collection::vec(sizes.clone(), 1..5).prop_map(Step::Message),
        Just(Step::Rest),
        prop_oneof![sizes, Just(usize::MAX)].prop_map(Step::Advance),
    ];
    proptest::collection::vec(step, 0..60)
}

/// Bytes that differ from place to place.
fn pattern(size: usize, seed: usize) -> Vec<u8> {
    (0..size).map(|place| (place * 7 + place / 251 + seed) as u8).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    /// The output is what was put, in order, less what was written.
    #[test]
    fn an_outbox_is_a_stream(steps in steps()) {
        let mut outbox = Outbox::default();
        let mut model = Vec::new();
        for (seed, step) in steps.into_iter().enumerate() {
            match step {
                Step::Put(bytes) => {
                    outbox.put(&bytes);
                    model.extend_from_slice(&bytes);
                }
                Step::Frame(size) => {
                    outbox.put_frame(&Bytes::from(pattern(size, seed)));
                    model.extend(pattern(size, seed));
                }
                Step::Copied(size) => {
                    outbox.put_copied(&pattern(size, seed));
                    model.extend(pattern(size, seed));
                }
                Step::Message(sizes) => {
                    let frames: Vec<Bytes> = sizes.iter().map(|&size| pattern(size, seed).into()).collect();
                    let taken = outbox.put_message(&frames);
                    prop_assert_eq!(taken, sizes.iter().map(|size| 9 + size).sum::<usize>() <= SLICE_MAX);
                    if taken {
                        for (at, frame) in frames.iter().enumerate() {
                            let flags = if at + 1 < frames.len() { MORE } else { 0 };
                            match u8::try_from(frame.len()) {
                                Ok(short) => model.extend_from_slice(&[flags, short]),
                                Err(_) => model.extend_from_slice(&long_header(flags, frame.len())),
                            }
                            model.extend_from_slice(frame);
                        }
                    }
                }
                Step::Rest => {
                    outbox.rest();
                    prop_assert!(!outbox.is_empty() || outbox.held() == 0);
                }
                Step::Advance(count) => {
                    let count = count.min(model.len());
                    outbox.advance(count);
                    model.drain(..count);
                }
            }
            prop_assert_eq!(outbox.len(), model.len());
            prop_assert!(all(&outbox) == model);
            prop_assert!(outbox.only_piece().is_none_or(|piece| piece == model));
            prop_assert!(outbox.open.capacity() <= CHUNK);
        }
    }
}
