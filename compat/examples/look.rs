use zmws_compat::{script::Script, suite::recordings, trace};
fn main() {
    for path in recordings(std::path::Path::new("fixtures/recorded")).unwrap() {
        let t = trace::decoded(trace::read_file(&path).unwrap()).unwrap();
        let s = Script::of(&t);
        let r = &s.recorded;
        let noq = r.jobs.iter().filter(|j| j.question.is_none()).count();
        let norep = r.questions.iter().filter(|q| q.replies.is_empty()).count();
        println!(
            "{} questions {} jobs {} noq {} strays {} noreply {} multi {} offences {:?}",
            path.display(),
            r.questions.len(),
            r.jobs.len(),
            noq,
            r.strays.len(),
            norep,
            r.questions.iter().filter(|q| q.replies.len() > 1).count(),
            r.offences
        );
    }
}
