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

use bursar_lost_writes::shadow::{FileId, Node, Shadow};
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

/// How a call fails.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    /// The device errs, this once.
    Errs,
    /// The device errs, from now on whenever something is to be changed.
    IsBroken,
    /// The disk has no room, this once.
    IsFull,
    /// Half of what is to be written finds room, from now on nothing does.
    FillsUp,
}

/// A call that fails.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Fault {
    /// Which call, from 1.
    pub(crate) at: u64,
    /// How.
    pub(crate) kind: Kind,
}

/// What is asked of a tree.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Asked {
    Read,
    Open,
    Write,
    Sync,
    Names,
}

/// What becomes of a call.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Fate {
    IsDone,
    /// Of what is to be written, half is.
    IsShort,
    Fails(Errno),
}

impl Fault {
    fn fate(self, call: u64, asked: Asked) -> Fate {
        if call < self.at || (call > self.at && asked == Asked::Read) {
            return Fate::IsDone;
        }
        let is_first = call == self.at;
        match self.kind {
            Kind::Errs | Kind::IsFull if !is_first => Fate::IsDone,
            Kind::Errs | Kind::IsBroken => Fate::Fails(Errno(libc::EIO)),
            Kind::IsFull | Kind::FillsUp if asked == Asked::Read => Fate::IsDone,
            Kind::FillsUp if is_first && asked == Asked::Write => Fate::IsShort,
            Kind::IsFull | Kind::FillsUp => Fate::Fails(Errno(libc::ENOSPC)),
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
    /// The call that fails. With one, calls that read are counted too.
    pub(crate) fault: Option<Fault>,
}

#[derive(Debug)]
struct State {
    shadow: Shadow,
    plan: Plan,
    calls: u64,
    /// What the workload had been told when the power was cut.
    cut: Option<[u64; 2]>,
    /// How many syncs of each file have failed.
    failed: BTreeMap<FileId, u64>,
    /// Which call failed, for people.
    told: Option<String>,
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
    /// How many failed syncs of the file it was told of. The kernel tells each open file of each.
    told: Arc<AtomicU64>,
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
        let state = Mutex::new(State {
            shadow,
            plan,
            calls: 0,
            cut: None,
            failed: BTreeMap::new(),
            told: None,
        });
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

    /// Cuts the power now, if it is not cut.
    pub(crate) fn cut_now(&self) {
        let mut state = lock(&self.state);
        state.cut = Some(state.cut.unwrap_or_else(|| self.done()));
    }

    /// Cuts the power now, if it is not cut; no longer watches. Gives what was done by then.
    pub(crate) fn end(self: &Arc<Self>) -> (Shadow, [u64; 2]) {
        lock(&TREES).retain(|tree| !Arc::ptr_eq(tree, self));
        let mut state = lock(&self.state);
        let cut = state.cut.unwrap_or_else(|| self.done());
        state.cut = Some(cut);
        (mem::take(&mut state.shadow), cut)
    }

    /// Which call has failed.
    pub(crate) fn told(&self) -> Option<String> {
        lock(&self.state).told.clone()
    }

    fn done(&self) -> [u64; 2] {
        [0, 1].map(|worker: usize| self.done[worker].load(Ordering::SeqCst))
    }

    /// Does a call: counts it, and tells the shadow if it went well.
    fn call<T>(
        &self,
        (asked, path): (Asked, &Path),
        call: impl FnOnce(Fate) -> Result<T, Errno>,
        tell: impl FnOnce(&mut State, &T),
    ) -> Result<T, Errno> {
        let mut state = lock(&self.state);
        let mut fate = Fate::IsDone;
        if state.cut.is_none() && (asked != Asked::Read || state.plan.fault.is_some()) {
            state.calls += 1;
            if state.calls == state.plan.cut_at {
                state.cut = Some(self.done());
            }
            fate = state.plan.fault.map_or(fate, |fault| fault.fate(state.calls, asked));
        }
        if fate != Fate::IsDone && state.told.is_none() {
            state.told = Some(format!("{asked:?} of {}: {fate:?}", path.display()));
        }
        let outcome = match fate {
            Fate::Fails(errno) if asked != Asked::Sync => return Err(errno),
            Fate::IsDone | Fate::IsShort | Fate::Fails(_) => call(fate)?,
        };
        if state.cut.is_none() {
            tell(&mut state, &outcome);
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
    let (mut node, mut told) = (None, 0);
    let name = path.clone().unwrap_or_default();
    let fd = tree.call(
        (Asked::Open, &name),
        |_| call(),
        |state, _| {
            let Some(path) = &path else { return };
            let shadow = &mut state.shadow;
            if path == Path::new("") || shadow.find(path) == Some(Node::Directory) {
                node = Some(Node::Directory);
                return;
            }
            let file = shadow.opened(path);
            if flags & libc::O_TRUNC != 0 && shadow.file(file).length() > 0 {
                shadow.file(file).set_length(0);
            }
            node = Some(Node::File(file));
            told = state.failed.get(&file).copied().unwrap_or_default();
        },
    )?;
    let handle = Handle { tree, path: name, node, told: Arc::new(AtomicU64::new(told)) };
    lock(&HANDLES).insert(c_int::try_from(fd).expect("a file's number"), handle);
    Ok(fd)
}

/// Bytes are read.
pub(crate) fn read(
    handle: &Handle,
    call: impl FnOnce() -> Result<c_long, Errno>,
) -> Result<c_long, Errno> {
    handle.tree.call((Asked::Read, &handle.path), |_| call(), |_, _| {})
}

/// Bytes are written; the call takes how many.
pub(crate) fn write(
    handle: &Handle,
    at: usize,
    bytes: &[u8],
    call: impl FnOnce(usize) -> Result<c_long, Errno>,
) -> Result<c_long, Errno> {
    let count = |fate| if fate == Fate::IsShort { bytes.len().div_ceil(2) } else { bytes.len() };
    handle.tree.call(
        (Asked::Write, &handle.path),
        |fate| call(count(fate)),
        |state, count| {
            let count = usize::try_from(*count).expect("not negative");
            if let Some(Node::File(file)) = handle.node {
                state.shadow.file(file).write(at, &bytes[..count]);
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
    handle.tree.call(
        (Asked::Write, &handle.path),
        |_| call(),
        |state, _| {
            if let Some(Node::File(file)) = handle.node {
                state.shadow.file(file).set_length(length);
            }
        },
    )
}

/// A file or a directory is synced. When that fails, the kernel forgets that there was something
/// to write: no later sync brings it to the disk. It tells everyone who has the file open, once.
pub(crate) fn sync(handle: &Handle, what: Sync) -> Result<(), Errno> {
    let mut outcome = Ok(());
    handle.tree.call((Asked::Sync, &handle.path), Ok, |state, fate| {
        let State { shadow, plan, failed, .. } = state;
        if let Fate::Fails(errno) = fate {
            outcome = Err(*errno);
        }
        match handle.node {
            _ if plan.without.takes_out(handle, what) => {}
            Some(Node::File(file)) => {
                let failed = failed.entry(file).or_default();
                if outcome.is_err() {
                    shadow.file(file).lose();
                    *failed += 1;
                } else {
                    shadow.file(file).sync();
                }
                if handle.told.swap(*failed, Ordering::SeqCst) != *failed && outcome.is_ok() {
                    outcome = Err(Errno(libc::EIO));
                }
            }
            Some(Node::Directory) if outcome.is_ok() => shadow.sync_directory(&handle.path),
            Some(Node::Directory) | None => {}
        }
    })?;
    outcome
}

/// Part of a file is written out, which makes nothing sure.
pub(crate) fn sync_range(handle: &Handle) -> Result<(), Errno> {
    let failed = |fate| if let Fate::Fails(errno) = fate { Err(errno) } else { Ok(()) };
    handle.tree.call((Asked::Sync, &handle.path), failed, |_, ()| {})
}

/// A file gets another name.
pub(crate) fn rename(
    from: &Path,
    to: &Path,
    call: impl FnOnce() -> Result<c_long, Errno>,
) -> Result<c_long, Errno> {
    let Some((tree, from)) = find(from) else { return call() };
    let (_, to) = find(to).expect("nothing leaves the tree");
    let name = to.clone().unwrap_or_default();
    tree.call(
        (Asked::Names, &name),
        |_| call(),
        |state, _| {
            if let (Some(from), Some(to)) = (from, to) {
                state.shadow.renamed(&from, &to);
            }
        },
    )
}

/// A name is removed.
pub(crate) fn remove(
    path: &Path,
    call: impl FnOnce() -> Result<c_long, Errno>,
) -> Result<c_long, Errno> {
    let Some((tree, path)) = find(path) else { return call() };
    let name = path.clone().unwrap_or_default();
    tree.call(
        (Asked::Names, &name),
        |_| call(),
        |state, _| {
            if let Some(path) = path {
                state.shadow.removed(&path);
            }
        },
    )
}

/// A directory is made.
pub(crate) fn make_directory(
    path: &Path,
    call: impl FnOnce() -> Result<c_long, Errno>,
) -> Result<c_long, Errno> {
    let Some((tree, path)) = find(path) else { return call() };
    let name = path.clone().unwrap_or_default();
    tree.call(
        (Asked::Names, &name),
        |_| call(),
        |state, _| {
            if let Some(path) = path {
                state.shadow.made_directory(&path);
            }
        },
    )
}
