//! Who may read a file with a secret.

use std::{fs::Metadata, io, os::unix::fs::MetadataExt};

use rustix::process::{Gid, getegid, geteuid, getgroups};

/// The user and the groups of a process that reads files with secrets.
pub struct Reader {
    pub(crate) user: u32,
    pub(crate) groups: Vec<u32>,
}

impl Reader {
    /// This process.
    pub fn this_process() -> io::Result<Self> {
        let groups = getgroups()?.into_iter().chain([getegid()]).map(Gid::as_raw);
        Ok(Self { user: geteuid().as_raw(), groups: groups.collect() })
    }

    /// Whether anybody can use the file who does not have to.
    pub fn finds_exposed(&self, file: &Metadata) -> bool {
        self.is_exposed(file.mode(), file.uid(), file.gid())
    }

    /// A pod that runs without root reads a mounted Secret through its `fsGroup`: the file is root's, with mode 0440,
    /// and the group is the pod's. Nobody needs the group's permission for a file of their own.
    pub(crate) fn is_exposed(&self, mode: u32, owner: u32, group: u32) -> bool {
        let needed = if owner != self.user && self.groups.contains(&group) { 0o040 } else { 0 };
        mode & 0o077 & !needed != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mounted_secret_is_read_through_the_group_of_the_pod_only() {
        let pod = Reader { user: 65_532, groups: vec![65_532, 2000] };
        assert!(!pod.is_exposed(0o440, 0, 2000));
        assert!(!pod.is_exposed(0o640, 0, 65_532));
        for (mode, owner, group) in [
            // A foreign group, more than reading, everybody, and a file that the pod owns.
            (0o440, 0, 3000),
            (0o460, 0, 2000),
            (0o450, 0, 2000),
            (0o444, 0, 2000),
            (0o440, 65_532, 2000),
        ] {
            assert!(pod.is_exposed(mode, owner, group), "{mode:o} of {owner}:{group}");
        }
    }
}
