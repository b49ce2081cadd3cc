//! `compat`: replays recordings to zmws and says where it differs from what was recorded.

use std::path::PathBuf;
use std::process::ExitCode;

use zmws_compat::known::{Known, OURS};
use zmws_compat::suite::{recordings, replay_file};
use zmws_compat::trace::to_text;

fn main() -> ExitCode {
    std::panic::set_hook(Box::new(|_| {}));
    let known = Known::read(OURS).unwrap();
    for arg in std::env::args().skip(1) {
        let path = PathBuf::from(arg);
        let files = if path.is_dir() { recordings(&path).unwrap() } else { vec![path] };
        for file in files {
            let case = replay_file(&file, &known);
            println!("{} {:?}", file.display(), case.verdict);
            if let Some(replayed) = case.replayed {
                for (difference, entry) in &replayed.differences {
                    println!(
                        "   {:8.4} [{}] {}",
                        difference.at as f64 / 1e6,
                        entry.map_or("?", |entry| &known.differences[entry].id),
                        difference.words
                    );
                    for (name, frames) in [("rec", &difference.recorded), ("our", &difference.ours)] {
                        if let Some(frames) = frames {
                            let texts: Vec<String> =
                                frames.iter().map(|f| to_text(&f.bytes[..f.bytes.len().min(100)])).collect();
                            println!("            {name} {texts:?}");
                        }
                    }
                }
            }
        }
    }
    ExitCode::SUCCESS
}
