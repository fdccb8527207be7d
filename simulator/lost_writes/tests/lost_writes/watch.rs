//! What is watched: trees of files, each with its shadow, its count of calls and its fate.
//!
//! `interpose` tells of every call on every file; here the ones under a watched root find their
//! shadow. A call is counted, then done, then told to the shadow, all under the tree's lock, so the
//! shadow's order is the files' order. No watched sync reaches the real disk: what counts is the
//! shadow, and tests need not wait.
//!
//! A tree's fate ([`Plan`]) is a power cut at one of its calls: from then on the shadow stays as it
//! is, and the real files go on unwatched, as if the store lived in a world that ended. The store's
//! own copy for checking, `check/`, is no part of the shadow: nothing of it is ever needed.

use std::collections::BTreeMap;
use std::mem;
use std::path::{Component, Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bursar_lost_writes::shadow::{Node, Shadow};
use libc::{c_int, c_long};

/// An error number of the system.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Errno(pub(crate) c_int);

/// What a sync is of.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Sync {
    /// `fsync`.
    All,
    /// `fdatasync`, which only our own code calls.
    Data,
}

/// Syncs that do nothing, as if the code that asks for them were not there.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) enum Without {
    /// All syncs are done.
    #[default]
    Nothing,
    /// Those of the database's data.
    DataSync,
    /// Those of directories.
    DirectorySync,
    /// Those of the database's settings.
    SettingsSync,
}

impl Without {
    fn takes_out(self, handle: &Handle, what: Sync) -> bool {
        match self {
            Self::Nothing => false,
            Self::DataSync => what == Sync::Data,
            Self::DirectorySync => handle.node == Some(Node::Directory),
            Self::SettingsSync => handle.path.ends_with("conf"),
        }
    }
}

/// What is to happen to a tree.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Plan {
    /// The call before which the power is cut, from 1; none if 0.
    pub(crate) cut_at: u64,
    /// What is taken out.
    pub(crate) without: Without,
}

#[derive(Debug)]
struct State {
    shadow: Shadow,
    plan: Plan,
    calls: u64,
    /// What the workload had been told when the power was cut.
    cut: Option<[u64; 2]>,
}

/// A watched tree.
#[derive(Debug)]
pub(crate) struct Tree {
    root: PathBuf,
    state: Mutex<State>,
    /// How many operations each of two workers has finished.
    pub(crate) done: [AtomicU64; 2],
}

/// An open file or directory in a watched tree. Without a node it is no part of the shadow.
#[derive(Clone, Debug)]
pub(crate) struct Handle {
    tree: Arc<Tree>,
    path: PathBuf,
    node: Option<Node>,
}

static TREES: Mutex<Vec<Arc<Tree>>> = Mutex::new(Vec::new());
static HANDLES: Mutex<BTreeMap<c_int, Handle>> = Mutex::new(BTreeMap::new());

/// A call on a tree that panics ends the test; the others need not end with it.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Tree {
    /// Watches a directory, of which the shadow says what is there.
    pub(crate) fn watch(root: &Path, shadow: Shadow, plan: Plan) -> Arc<Self> {
        let root = root.canonicalize().expect("the root is there");
        let state = Mutex::new(State { shadow, plan, calls: 0, cut: None });
        let tree = Arc::new(Self { root, state, done: Default::default() });
        lock(&TREES).push(Arc::clone(&tree));
        tree
    }

    /// The directory.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// How many operations of each worker were finished when the power was cut, if it was.
    pub(crate) fn cut(&self) -> Option<[u64; 2]> {
        lock(&self.state).cut
    }

    /// How many calls there were.
    pub(crate) fn calls(&self) -> u64 {
        lock(&self.state).calls
    }

    /// Cuts the power now, if it is not cut; no longer watches. Gives what was done by then.
    pub(crate) fn end(self: &Arc<Self>) -> (Shadow, [u64; 2]) {
        lock(&TREES).retain(|tree| !Arc::ptr_eq(tree, self));
        let mut state = lock(&self.state);
        let cut = state.cut.unwrap_or_else(|| self.done());
        state.cut = Some(cut);
        (mem::take(&mut state.shadow), cut)
    }

    fn done(&self) -> [u64; 2] {
        [0, 1].map(|worker: usize| self.done[worker].load(Ordering::SeqCst))
    }

    /// Does a call: counts it, and tells the shadow if it went well.
    fn call<T>(
        &self,
        call: impl FnOnce() -> Result<T, Errno>,
        tell: impl FnOnce(&mut Shadow, &T, Plan),
    ) -> Result<T, Errno> {
        let mut state = lock(&self.state);
        if state.cut.is_none() {
            state.calls += 1;
            if state.calls == state.plan.cut_at {
                state.cut = Some(self.done());
            }
        }
        let outcome = call()?;
        if state.cut.is_none() {
            let plan = state.plan;
            tell(&mut state.shadow, &outcome, plan);
        }
        Ok(outcome)
    }
}

/// The watched tree that a path is in, and the path in it; none for the copy that is checked.
fn find(path: &Path) -> Option<(Arc<Tree>, Option<PathBuf>)> {
    let trees = lock(&TREES);
    let tree = trees.iter().find(|tree| path.starts_with(&tree.root))?;
    let path = path.strip_prefix(&tree.root).expect("it begins with the root");
    let is_copy = path.components().any(|part| part == Component::Normal("check".as_ref()));
    Some((Arc::clone(tree), (!is_copy).then(|| path.to_owned())))
}

/// The watched file that is open under a number.
pub(crate) fn handle(fd: c_int) -> Option<Handle> {
    lock(&HANDLES).get(&fd).cloned()
}

/// The path of a directory that is open under a number, as the system knows it.
pub(crate) fn path_of(directory: c_int) -> PathBuf {
    std::fs::read_link(format!("/proc/self/fd/{directory}")).expect("it is open")
}

/// A file is closed.
pub(crate) fn close(fd: c_int) {
    let handle = lock(&HANDLES).remove(&fd);
    drop(handle);
}

/// A file is opened.
pub(crate) fn open(
    path: &Path,
    flags: c_int,
    call: impl FnOnce() -> Result<c_long, Errno>,
) -> Result<c_long, Errno> {
    let Some((tree, path)) = find(path) else { return call() };
    let mut node = None;
    let fd = tree.call(call, |shadow, _, _| {
        let Some(path) = &path else { return };
        if path == Path::new("") || shadow.find(path) == Some(Node::Directory) {
            node = Some(Node::Directory);
            return;
        }
        let file = shadow.opened(path);
        if flags & libc::O_TRUNC != 0 && shadow.file(file).length() > 0 {
            shadow.file(file).set_length(0);
        }
        node = Some(Node::File(file));
    })?;
    let handle = Handle { tree, path: path.unwrap_or_default(), node };
    lock(&HANDLES).insert(c_int::try_from(fd).expect("a file's number"), handle);
    Ok(fd)
}

/// Bytes are written; the call takes how many.
pub(crate) fn write(
    handle: &Handle,
    at: usize,
    bytes: &[u8],
    call: impl FnOnce(usize) -> Result<c_long, Errno>,
) -> Result<c_long, Errno> {
    handle.tree.call(
        || call(bytes.len()),
        |shadow, count, _| {
            let count = usize::try_from(*count).expect("not negative");
            if let Some(Node::File(file)) = handle.node {
                shadow.file(file).write(at, &bytes[..count]);
            }
        },
    )
}

/// A file is cut, or made longer.
pub(crate) fn set_length(
    handle: &Handle,
    length: usize,
    call: impl FnOnce() -> Result<c_long, Errno>,
) -> Result<c_long, Errno> {
    handle.tree.call(call, |shadow, _, _| {
        if let Some(Node::File(file)) = handle.node {
            shadow.file(file).set_length(length);
        }
    })
}

/// A file or a directory is synced.
pub(crate) fn sync(handle: &Handle, what: Sync) -> Result<(), Errno> {
    handle.tree.call(
        || Ok(()),
        |shadow, (), plan| match handle.node {
            _ if plan.without.takes_out(handle, what) => {}
            Some(Node::File(file)) => shadow.file(file).sync(),
            Some(Node::Directory) => shadow.sync_directory(&handle.path),
            None => {}
        },
    )
}

/// Part of a file is written out, which makes nothing sure.
pub(crate) fn sync_range(handle: &Handle) -> Result<(), Errno> {
    handle.tree.call(|| Ok(()), |_, (), _| {})
}

/// A file gets another name.
pub(crate) fn rename(
    from: &Path,
    to: &Path,
    call: impl FnOnce() -> Result<c_long, Errno>,
) -> Result<c_long, Errno> {
    let Some((tree, from)) = find(from) else { return call() };
    let (_, to) = find(to).expect("nothing leaves the tree");
    tree.call(call, |shadow, _, _| {
        if let (Some(from), Some(to)) = (from, to) {
            shadow.renamed(&from, &to);
        }
    })
}

/// A name is removed.
pub(crate) fn remove(
    path: &Path,
    call: impl FnOnce() -> Result<c_long, Errno>,
) -> Result<c_long, Errno> {
    let Some((tree, path)) = find(path) else { return call() };
    tree.call(call, |shadow, _, _| {
        if let Some(path) = path {
            shadow.removed(&path);
        }
    })
}

/// A directory is made.
pub(crate) fn make_directory(
    path: &Path,
    call: impl FnOnce() -> Result<c_long, Errno>,
) -> Result<c_long, Errno> {
    let Some((tree, path)) = find(path) else { return call() };
    tree.call(call, |shadow, _, _| {
        if let Some(path) = path {
            shadow.made_directory(&path);
        }
    })
}
