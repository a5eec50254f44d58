//! The groups that the user wants to be in.

use onesocket_protocol::Group;

use crate::ids::Call;

/// A group that the user wants to be in.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
enum Membership {
    /// The server has confirmed it on this connection.
    Joined,
    /// The server confirmed it on an earlier connection, not yet on this one; these calls wait.
    JoinedBefore(Vec<Call>),
    /// The server has not confirmed it yet; these calls wait.
    Joining(Vec<Call>),
}

/// The groups that the user wants to be in, across connections.
///
/// A list, as a client is in few groups and a `BTreeMap` would be a sixth of the wasm.
#[derive(Clone, Debug, Default, Eq, Hash, PartialEq)]
pub(crate) struct Groups(Vec<(Group, Membership)>);

/// What a `join()` leads to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Joining {
    /// The group is joined: the call can be settled.
    Already,
    /// The server has to be asked.
    Ask,
    /// The server was asked before: the call waits with the others.
    Asked,
}

impl Groups {
    /// Adds a call that joins `group`.
    pub(crate) fn join(&mut self, group: &Group, call: Call) -> Joining {
        match self.find(group) {
            None => {
                self.0.push((group.clone(), Membership::Joining(vec![call])));
                Joining::Ask
            }
            Some(Membership::Joined) => Joining::Already,
            Some(Membership::JoinedBefore(calls) | Membership::Joining(calls)) => {
                calls.push(call);
                Joining::Asked
            }
        }
    }

    /// Removes a group; returns the calls that waited to join it.
    pub(crate) fn leave(&mut self, group: &Group) -> Vec<Call> {
        let waiting = self.joined(group);
        self.0.retain(|(name, _)| name != group);
        waiting
    }

    /// The server has confirmed a membership; returns the calls that waited for it.
    pub(crate) fn joined(&mut self, group: &Group) -> Vec<Call> {
        let Some(membership) = self.find(group) else {
            return Vec::new();
        };
        match std::mem::replace(membership, Membership::Joined) {
            Membership::JoinedBefore(calls) | Membership::Joining(calls) => calls,
            Membership::Joined => Vec::new(),
        }
    }

    /// The connection is lost, and its memberships with it.
    pub(crate) fn lost(&mut self) {
        for (_, membership) in &mut self.0 {
            if *membership == Membership::Joined {
                *membership = Membership::JoinedBefore(Vec::new());
            }
        }
    }

    /// The connection has ended for good: removes the groups that were never joined, and returns the
    /// calls that waited.
    pub(crate) fn ended(&mut self) -> Vec<Call> {
        let mut waiting = Vec::new();
        self.0.retain_mut(|(_, membership)| match membership {
            Membership::Joined => true,
            Membership::JoinedBefore(calls) => {
                waiting.append(calls);
                true
            }
            Membership::Joining(calls) => {
                waiting.append(calls);
                false
            }
        });
        self.lost();
        waiting
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &Group> {
        self.0.iter().map(|(group, _)| group)
    }

    fn find(&mut self, group: &Group) -> Option<&mut Membership> {
        self.0.iter_mut().find(|(name, _)| name == group).map(|(_, membership)| membership)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tea() -> Group {
        Group::new("tea").unwrap()
    }

    #[test]
    fn the_server_is_asked_once_however_many_want_to_join() {
        let mut groups = Groups::default();

        assert_eq!(groups.join(&tea(), Call(1)), Joining::Ask);
        assert_eq!(groups.join(&tea(), Call(2)), Joining::Asked);
        assert_eq!(groups.joined(&tea()), [Call(1), Call(2)]);
        assert_eq!(groups.join(&tea(), Call(3)), Joining::Already);
    }

    #[test]
    fn a_group_is_wanted_across_connections_until_it_is_left() {
        let mut groups = Groups::default();
        groups.join(&tea(), Call(1));
        groups.joined(&tea());

        groups.lost();
        assert_eq!(groups.names().collect::<Vec<_>>(), [&tea()]);
        assert_eq!(groups.ended(), []);
        assert_eq!(groups.names().count(), 1);
        assert_eq!(groups.leave(&tea()), []);
        assert_eq!(groups.names().count(), 0);
    }

    #[test]
    fn a_second_wish_to_join_that_comes_to_nothing_does_not_end_the_first() {
        let mut groups = Groups::default();
        groups.join(&tea(), Call(1));
        groups.joined(&tea());
        groups.lost();
        groups.join(&tea(), Call(2));

        assert_eq!(groups.ended(), [Call(2)]);
        assert_eq!(groups.names().collect::<Vec<_>>(), [&tea()]);
    }

    #[test]
    fn who_waits_to_join_is_told_when_the_connection_ends() {
        let mut groups = Groups::default();
        groups.join(&tea(), Call(1));
        groups.join(&Group::new("milk").unwrap(), Call(2));

        assert_eq!(groups.ended(), [Call(1), Call(2)]);
        assert_eq!(groups.names().count(), 0);
    }
}
