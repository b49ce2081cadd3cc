use zmws_compat::{stream, suite::recordings, trace};
fn main() {
    for path in recordings(std::path::Path::new("fixtures/recorded")).unwrap() {
        let t = trace::read_file(&path).unwrap();
        if t.header.raw {
            println!(
                "{} {:?}",
                path.display(),
                stream::differences(&t).iter().map(|d| &d.words).collect::<Vec<_>>()
            );
        }
    }
}
