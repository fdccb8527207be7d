//! What the processor may answer instead of a report. It is asked once, whatever it says.
//!
//! What may be better a moment later is unavailable, and the run asks again; anything else is
//! refused.

use bursar_domain::errand::{Found, Wanted};
use tokio::net::TcpListener;

use crate::bench::{Bench, Folder, run};
use crate::peer::{Conduct, Peer, with_length};

fn unavailable(found: &Found) -> &str {
    let Found::Unavailable { reason } = found else { panic!("{found:?}") };
    reason
}

#[actix::test]
async fn what_may_be_better_later_is_unavailable() {
    let (folder, peer) = (Folder::new(), Peer::start().await);
    let mut bench = Bench::start(&folder.settings(peer.port));
    for status in [429, 500, 502, 503, 504] {
        peer.then(Conduct::Say(with_length(status, "", "{}")));
        let found = bench.fetch(&run(1)).await;
        assert!(unavailable(&found).contains(&status.to_string()), "{found:?}");
    }
    peer.then(Conduct::Say(Vec::new()));
    unavailable(&bench.fetch(&run(1)).await);
    assert_eq!(peer.heard().len(), 6, "none was asked twice");
    let none = Wanted::ReportLines { from: 0, limit: 1 };
    assert_eq!(bench.run(&run(1), none).await, Found::Gone);
    bench.end();
}

#[actix::test]
async fn a_processor_that_is_not_there_is_unavailable() {
    let port = {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        listener.local_addr().unwrap().port()
    };
    let folder = Folder::new();
    let mut bench = Bench::start(&folder.settings(port));
    unavailable(&bench.fetch(&run(1)).await);
    bench.end();
}

#[actix::test]
async fn any_other_answer_is_refused() {
    let (folder, peer) = (Folder::new(), Peer::start().await);
    let mut bench = Bench::start(&folder.settings(peer.port));
    for status in [201, 204, 302, 400, 401, 403, 404, 422] {
        let body = if status == 204 { "" } else { "{}" };
        peer.then(Conduct::Say(with_length(status, "Location: /elsewhere\r\n", body)));
        let found = bench.fetch(&run(1)).await;
        let Found::Unusable { code, detail } = found else { panic!("{status}: {found:?}") };
        assert_eq!(&*code, "report-refused");
        assert!(detail.contains(&status.to_string()), "{detail}");
    }
    assert_eq!(peer.heard().len(), 8, "nobody was sent elsewhere, and none was asked twice");
    bench.end();
}
