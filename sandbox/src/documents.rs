//! The maker of documents: makes one per key, and voids it.
//!
//! What a document says (`data`) is not kept, only the mark of its content, so that a key that is
//! used for something else is refused. A voided document stays known: voiding it again is fine,
//! and its key still gives its first answer, with the address that it had then.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;

use actix_web::{HttpRequest, HttpResponse};
use bursar_domain::time::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use xxhash_rust::xxh3::{xxh3_128, xxh3_128_with_seed};

use crate::calls::Route;
use crate::change::{Change, Misfit};
use crate::conduct::{Verdict, carry_out, counted};
use crate::desk::Shared;
use crate::faults::Target;
use crate::intake::{self, Body};
use crate::journal::forms;
use crate::problem::{Code, Problem};

/// The longest kind, in characters.
const KIND_MAX: usize = 64;
/// The longest subject, in characters.
const SUBJECT_MAX: usize = 500;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewDocument {
    kind: String,
    subject: String,
    data: Value,
}

/// What a key stands for.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Content {
    kind: Box<str>,
    subject: Box<str>,
    #[serde(with = "forms::mark")]
    data: u128,
}

impl NewDocument {
    fn content(self) -> Result<Content, Problem> {
        intake::text("kind", &self.kind, 1..=KIND_MAX)?;
        intake::text("subject", &self.subject, 1..=SUBJECT_MAX)?;
        let data = xxh3_128(self.data.to_string().as_bytes());
        Ok(Content { kind: self.kind.into(), subject: self.subject.into(), data })
    }
}

/// A document.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Document {
    id: Arc<str>,
    key: Arc<str>,
    content: Content,
    /// Where it was made, and is to be found.
    host: SocketAddr,
    /// When it was made.
    #[serde(rename = "at_ms", with = "forms::millis")]
    pub(crate) at: Timestamp,
    #[serde(skip)]
    voided: bool,
}

/// All documents, in the order in which they were made.
#[derive(Debug)]
pub(crate) struct Documents {
    made: Vec<Document>,
    by_key: HashMap<Arc<str>, usize>,
    by_id: HashMap<Arc<str>, usize>,
    seed: u64,
    max: usize,
}

impl Documents {
    /// None yet.
    pub(crate) fn new(seed: u64, max: usize) -> Self {
        Self { made: Vec::new(), by_key: HashMap::new(), by_id: HashMap::new(), seed, max }
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.made.len()
    }

    /// How one stands.
    pub(crate) fn to_json(&self, index: usize) -> Value {
        let document = &self.made[index];
        json!({
            "id": document.id,
            "key": document.key,
            "kind": document.content.kind,
            "subject": document.content.subject,
            "status": if document.voided { "voided" } else { "made" },
            "at": document.at.to_string(),
        })
    }

    /// The document that a key made already; refused when it is another.
    fn made_already(&self, key: &str, content: &Content) -> Result<Option<usize>, Problem> {
        match self.by_key.get(key) {
            Some(&index) if self.made[index].content != *content => {
                let detail = "this Idempotency-Key made another document; take a new one";
                Err(Problem::new(Code::KeyReused, detail))
            }
            found => Ok(found.copied()),
        }
    }

    /// Draws up the document of a key that is free; [`Documents::append`] makes it.
    fn draw_up(
        &self,
        key: &str,
        content: Content,
        host: SocketAddr,
        at: Timestamp,
    ) -> Result<Document, Problem> {
        if self.made.len() >= self.max {
            return Err(Problem::full());
        }
        let number = xxh3_128_with_seed(key.as_bytes(), self.seed);
        let id = format!("doc_{number:032x}").into();
        Ok(Document { id, key: key.into(), content, host, at, voided: false })
    }

    /// Makes a document.
    pub(crate) fn append(&mut self, document: Document) -> Result<(), Misfit> {
        let index = self.made.len();
        if self.by_key.contains_key(&document.key) || self.by_id.contains_key(&document.id) {
            return Err(Misfit("its key or id has made a document already"));
        }
        self.by_key.insert(Arc::clone(&document.key), index);
        self.by_id.insert(Arc::clone(&document.id), index);
        self.made.push(document);
        Ok(())
    }

    /// Voids a document.
    pub(crate) fn void(&mut self, id: &str) -> Result<(), Misfit> {
        let index = self.by_id.get(id).ok_or(Misfit("there is no such document"))?;
        self.made[*index].voided = true;
        Ok(())
    }

    /// The document of a key that made one.
    fn of_key(&self, key: &str) -> &Document {
        &self.made[self.by_key[key]]
    }

    fn find(&self, id: &str) -> Result<usize, Problem> {
        let found = self.by_id.get(id).copied();
        found.ok_or_else(|| Problem::new(Code::DocumentNotFound, "there is no such document"))
    }
}

/// `POST /documents`.
pub(crate) async fn make(desk: Shared, request: HttpRequest, body: Body) -> HttpResponse {
    counted(&desk, Route::Documents, async {
        let key = intake::key(&request)?;
        let content = intake::object::<NewDocument>(body)?.content()?;
        let visit = {
            let (mut state, _) = desk.open();
            let settled = state.documents.made_already(&key, &content)?.is_some();
            state.visit(Target { route: Route::Documents, key: &key, account: None, settled })?
        };
        let host = request.app_config().local_addr();
        carry_out(desk.clone(), &request, Route::Documents, visit, move |desk, verdict| {
            let (mut state, now) = desk.open();
            let mut response = HttpResponse::Created();
            if state.documents.made_already(&key, &content)?.is_some() {
                response.insert_header(("Idempotency-Replayed", "true"));
            } else {
                refuse_declined(&verdict)?;
                let document = state.documents.draw_up(&key, content, host, now)?;
                state.commit(Change::Made(document))?;
            }
            let Document { id, host, .. } = state.documents.of_key(&key);
            let url = format!("http://{host}/documents/{id}");
            Ok(response.json(json!({ "id": id, "url": url })))
        })
        .await
    })
    .await
}

/// `DELETE /documents/{id}`.
pub(crate) async fn void(desk: Shared, request: HttpRequest) -> HttpResponse {
    counted(&desk, Route::Documents, async {
        let id = intake::id(&request);
        let visit = {
            let (mut state, _) = desk.open();
            let index = state.documents.find(&id)?;
            let settled = state.documents.made[index].voided;
            state.visit(Target { route: Route::Documents, key: &id, account: None, settled })?
        };
        carry_out(desk.clone(), &request, Route::Documents, visit, move |desk, verdict| {
            let (mut state, _) = desk.open();
            let index = state.documents.find(&id)?;
            let Document { id, voided, .. } = &state.documents.made[index];
            if !voided {
                refuse_declined(&verdict)?;
                let id = Arc::clone(id);
                state.commit(Change::Voided { id })?;
            }
            Ok(HttpResponse::NoContent().finish())
        })
        .await
    })
    .await
}

/// `GET /documents/{id}`: how it stands, so that its `url` leads somewhere. No fault strikes it.
pub(crate) async fn get(desk: Shared, request: HttpRequest) -> HttpResponse {
    counted(&desk, Route::Documents, async {
        let (state, _) = desk.open();
        let index = state.documents.find(&intake::id(&request))?;
        Ok(HttpResponse::Ok().json(state.documents.to_json(index)))
    })
    .await
}

fn refuse_declined(verdict: &Verdict) -> Result<(), Problem> {
    match verdict {
        Verdict::Declined(_) => {
            Err(Problem::new(Code::Refused, "a fault of the sandbox; nothing was done"))
        }
        Verdict::Fair | Verdict::Pending { .. } | Verdict::Silent => Ok(()),
    }
}
