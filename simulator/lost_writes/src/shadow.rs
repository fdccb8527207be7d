//! A tree of files as a power cut may leave it: names and contents, each with what was synced.
//!
//! A file's contents are sure after a sync of the file, its name after a sync of the directory that
//! holds it: POSIX promises no more, and what ext4 promises beyond (names come in order, the sync
//! of a new file brings its name) is not relied on. A rename is one change, so a cut leaves the old
//! name or the new one. A name in a directory whose own name was lost is lost with it.
//!
//! Paths are relative to the root of the tree, which is always there.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::io;
use std::mem;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use bursar_simulator::chance::Chance;

use crate::contents::{Contents, Keep};

/// A file, whatever its name is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct FileId(usize);

/// What a name leads to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Node {
    /// A directory.
    Directory,
    /// A file.
    File(FileId),
}

/// A change of names.
#[derive(Clone, Debug)]
enum Change {
    Added(PathBuf, Node),
    Removed(PathBuf),
    Renamed { from: PathBuf, to: PathBuf, node: Node },
}

type Names = BTreeMap<PathBuf, Node>;

/// The tree.
#[derive(Clone, Debug, Default)]
pub struct Shadow {
    files: Vec<Contents>,
    synced: Names,
    since: Vec<Change>,
    now: Names,
}

/// What is on disk: contents of files; nothing for a directory.
#[derive(Clone, Debug, Default)]
pub struct Image(BTreeMap<PathBuf, Option<Vec<u8>>>);

impl Change {
    /// The directory that must be synced for it.
    fn directory(&self) -> &Path {
        let (Self::Added(path, _) | Self::Removed(path) | Self::Renamed { to: path, .. }) = self;
        path.parent().expect("a path within the tree")
    }

    fn apply(&self, names: &mut Names) {
        match self {
            Self::Added(path, node) => {
                names.insert(path.clone(), *node);
            }
            Self::Removed(path) => {
                names.remove(path);
            }
            Self::Renamed { from, to, node } => {
                if names.get(from) == Some(node) {
                    names.remove(from);
                }
                names.insert(to.clone(), *node);
                let is_within = |path: &&PathBuf| path.starts_with(from) && *path != from;
                let within: Vec<_> = names.keys().filter(is_within).cloned().collect();
                for path in within {
                    let rest = path.strip_prefix(from).expect("it is within");
                    let node = names.remove(&path).expect("just seen");
                    names.insert(to.join(rest), node);
                }
            }
        }
    }
}

impl Shadow {
    /// A tree of which all is on disk.
    pub fn synced(image: Image) -> Self {
        let mut shadow = Self::default();
        for (path, bytes) in image.0 {
            let node = match bytes {
                None => Node::Directory,
                Some(bytes) => {
                    shadow.files.push(Contents::synced(bytes));
                    Node::File(FileId(shadow.files.len() - 1))
                }
            };
            shadow.now.insert(path, node);
        }
        shadow.synced = shadow.now.clone();
        shadow
    }

    /// What a name leads to now.
    pub fn find(&self, path: &Path) -> Option<Node> {
        self.now.get(path).copied()
    }

    /// One file's contents, to be changed.
    pub fn file(&mut self, file: FileId) -> &mut Contents {
        &mut self.files[file.0]
    }

    fn change(&mut self, change: Change) {
        change.apply(&mut self.now);
        self.since.push(change);
    }

    /// A directory was made.
    pub fn made_directory(&mut self, path: &Path) {
        self.change(Change::Added(path.to_owned(), Node::Directory));
    }

    /// A file was opened, and made if it was not there.
    pub fn opened(&mut self, path: &Path) -> FileId {
        match self.find(path) {
            Some(Node::File(file)) => file,
            Some(Node::Directory) => panic!("{} is a directory", path.display()),
            None => {
                self.files.push(Contents::default());
                let file = FileId(self.files.len() - 1);
                self.change(Change::Added(path.to_owned(), Node::File(file)));
                file
            }
        }
    }

    /// A name was removed, that of a file or of an empty directory.
    pub fn removed(&mut self, path: &Path) {
        self.change(Change::Removed(path.to_owned()));
    }

    /// A file or a directory got another name.
    pub fn renamed(&mut self, from: &Path, to: &Path) {
        let node = self.find(from).expect("it was there");
        self.change(Change::Renamed { from: from.to_owned(), to: to.to_owned(), node });
    }

    /// The names in a directory are on disk.
    pub fn sync_directory(&mut self, path: &Path) {
        // What was changed in it before it got the name that it has now is told by the old one.
        let mut name = path.to_owned();
        let mut is_here = Vec::with_capacity(self.since.len());
        for change in self.since.iter().rev() {
            is_here.push(change.directory() == name);
            if let Change::Renamed { from, to, .. } = change
                && let Ok(rest) = name.strip_prefix(to)
            {
                name = from.join(rest);
            }
        }
        for change in mem::take(&mut self.since) {
            if is_here.pop().expect("one for each") {
                change.apply(&mut self.synced);
            } else {
                self.since.push(change);
            }
        }
    }

    /// The tree as the processes see it.
    pub fn now(&self) -> Image {
        self.image(&self.now, Contents::now)
    }

    /// What a cut leaves, and what it kept, for people.
    pub fn after_cut(&self, chance: &mut Chance) -> (Image, String) {
        let mut names = self.synced.clone();
        let keep = Keep::draw(chance, self.since.len());
        let mut told = format!("names: {keep:?} of {:?}", self.since);
        for (number, change) in self.since.iter().enumerate() {
            if keep.keeps(number, chance) {
                change.apply(&mut names);
            }
        }
        let image = self.image(&names, |contents| {
            let keep = Keep::draw(chance, contents.unsynced());
            let left = contents.after_cut(keep, chance);
            if contents.unsynced() > 0 {
                let (count, now) = (contents.unsynced(), contents.length());
                let text = format!("{keep:?} of {count}, length {} of {now}", left.len());
                write!(told, "; a file: {text}").expect("a string takes all");
            }
            left
        });
        (image, told)
    }

    fn image(&self, names: &Names, mut contents: impl FnMut(&Contents) -> Vec<u8>) -> Image {
        let mut image = BTreeMap::new();
        for (path, node) in names {
            let parent = path.parent().expect("a path within the tree");
            if parent != Path::new("") && !image.contains_key(parent) {
                continue;
            }
            let bytes = match node {
                Node::Directory => None,
                Node::File(file) => Some(contents(&self.files[file.0])),
            };
            image.insert(path.clone(), bytes);
        }
        Image(image)
    }
}

impl Image {
    /// Writes it down under a directory that is empty.
    pub fn write_to(&self, root: &Path) -> io::Result<()> {
        static ZEROS: [u8; 64 * 1024] = [0; 64 * 1024];
        for (path, bytes) in &self.0 {
            let path = root.join(path);
            let Some(bytes) = bytes else {
                fs::create_dir(path)?;
                continue;
            };
            let file = File::create_new(path)?;
            file.set_len(bytes.len() as u64)?;
            for (index, piece) in bytes.chunks(ZEROS.len()).enumerate() {
                if piece != &ZEROS[..piece.len()] {
                    file.write_all_at(piece, (index * ZEROS.len()) as u64)?;
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn names(image: &Image) -> String {
        let names = image.0.keys().map(|path| path.display().to_string());
        names.collect::<Vec<_>>().join(" ")
    }

    /// All that cuts leave.
    fn outcomes(shadow: &Shadow) -> BTreeSet<String> {
        (0..200).map(|seed| names(&shadow.after_cut(&mut Chance::new(seed)).0)).collect()
    }

    #[test]
    fn a_name_is_sure_after_a_sync_of_its_directory() {
        let mut shadow = Shadow::default();
        shadow.made_directory(Path::new("d"));
        let file = shadow.opened(Path::new("d/a"));
        shadow.file(file).write(0, b"abc");
        shadow.file(file).sync();
        let all = ["", "d", "d d/a"].map(str::to_owned);
        assert_eq!(outcomes(&shadow), BTreeSet::from(all));
        shadow.sync_directory(Path::new("d"));
        assert_eq!(outcomes(&shadow), BTreeSet::from(["", "d d/a"].map(str::to_owned)));
        shadow.sync_directory(Path::new(""));
        assert_eq!(outcomes(&shadow), BTreeSet::from(["d d/a".to_owned()]));
        let (image, _) = shadow.after_cut(&mut Chance::new(1));
        assert_eq!(image.0[Path::new("d/a")].as_deref(), Some(&b"abc"[..]));
        assert_eq!(names(&Shadow::synced(image).now()), "d d/a");
    }

    #[test]
    fn a_rename_leaves_one_of_the_names_and_removals_come_in_any_order() {
        let mut shadow = Shadow::default();
        shadow.opened(Path::new("old"));
        shadow.opened(Path::new("a"));
        shadow.sync_directory(Path::new(""));
        shadow.renamed(Path::new("a"), Path::new("b"));
        shadow.removed(Path::new("old"));
        let all = ["a", "a old", "b", "b old"].map(str::to_owned);
        assert_eq!(outcomes(&shadow), BTreeSet::from(all));
        assert_eq!(names(&shadow.now()), "b");
    }

    #[test]
    fn a_directory_takes_along_what_is_in_it() {
        let mut shadow = Shadow::default();
        shadow.made_directory(Path::new("new"));
        shadow.sync_directory(Path::new(""));
        shadow.opened(Path::new("new/a"));
        shadow.renamed(Path::new("new"), Path::new("d"));
        assert_eq!(names(&shadow.now()), "d d/a");
        let all = ["d", "d d/a", "new", "new new/a"].map(str::to_owned);
        assert_eq!(outcomes(&shadow), BTreeSet::from(all));
        shadow.sync_directory(Path::new("d"));
        assert_eq!(outcomes(&shadow), BTreeSet::from(["d d/a", "new new/a"].map(str::to_owned)));
    }
}
