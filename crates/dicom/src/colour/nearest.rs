//! What concerns a frame alone comes before what concerns the file.

use crate::data::{DataSet, Tag};

/// An element of the frame's groups, else of the file.
pub(super) fn nearest<'a>(
    set: &'a DataSet,
    groups: &'a [&'a DataSet],
    sequence: Tag,
    tag: Tag,
) -> Option<&'a DataSet> {
    let in_groups = groups
        .iter()
        .flat_map(|group| group.items(sequence).first());
    let mut all = in_groups.chain([set]);
    all.find(|set| set.bytes(tag).is_some())
}
