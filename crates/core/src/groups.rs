//! The groups that the user wants to be in.

use onesocket_protocol::Group;

use crate::ids::Call;

/// A group that the user wants to be in.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
struct Wanted {
    group: Group,
    /// How many `join()` calls no `leave()` has followed: two components that join a group are in it
    /// until both have left it.
    joins: usize,
    /// The server has confirmed it on this connection.
    is_joined: bool,
    /// The `join()` calls that wait for the server.
    calls: Vec<Call>,
}

/// The groups that the user wants to be in, across connections.
///
/// A list, as a client is in few groups and a `BTreeMap` would be a sixth of the wasm.
#[derive(Clone, Debug, Default, Eq, Hash, PartialEq)]
pub(crate) struct Groups(Vec<Wanted>);

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
        let Some(wanted) = self.find(group) else {
            let (group, calls) = (group.clone(), vec![call]);
            self.0.push(Wanted { group, joins: 1, is_joined: false, calls });
            return Joining::Ask;
        };
        wanted.joins += 1;
        if wanted.is_joined {
            return Joining::Already;
        }
        wanted.calls.push(call);
        Joining::Asked
    }

    /// Takes back one `join()`. Once all are taken back the group is removed, and this returns the calls
    /// that waited to join it; `None` while others are in it.
    pub(crate) fn leave(&mut self, group: &Group) -> Option<Vec<Call>> {
        match self.find(group) {
            Some(wanted) if wanted.joins > 1 => {
                wanted.joins -= 1;
                None
            }
            Some(_) | None => Some(self.remove(group)),
        }
    }

    /// Removes a group, whoever has joined it; returns the calls that waited to join it.
    pub(crate) fn remove(&mut self, group: &Group) -> Vec<Call> {
        let waiting = self.joined(group);
        self.0.retain(|wanted| wanted.group != *group);
        waiting
    }

    /// The server has ended a membership, whoever has joined. One that it has yet to confirm again is
    /// none that it could end.
    pub(crate) fn membership_ended(&mut self, group: &Group) {
        self.0.retain(|wanted| wanted.group != *group || !wanted.is_joined);
    }

    /// The server has confirmed a membership; returns the calls that waited for it.
    pub(crate) fn joined(&mut self, group: &Group) -> Vec<Call> {
        let Some(wanted) = self.find(group) else {
            return Vec::new();
        };
        wanted.is_joined = true;
        std::mem::take(&mut wanted.calls)
    }

    /// Takes back every `join()` but those that wait for the server; says whether there was any.
    pub(crate) fn leave_joined(&mut self) -> bool {
        let mut left = false;
        self.0.retain_mut(|wanted| {
            left |= wanted.joins > wanted.calls.len();
            wanted.joins = wanted.calls.len();
            wanted.joins > 0
        });
        left
    }

    /// The connection is lost, and its memberships with it.
    pub(crate) fn lost(&mut self) {
        for wanted in &mut self.0 {
            wanted.is_joined = false;
        }
    }

    /// The connection has ended for good: takes back the calls that waited, which it returns, and removes
    /// the groups that nobody else has joined.
    pub(crate) fn ended(&mut self) -> Vec<Call> {
        let mut waiting = Vec::new();
        self.0.retain_mut(|wanted| {
            wanted.joins = wanted.joins.saturating_sub(wanted.calls.len());
            waiting.append(&mut wanted.calls);
            wanted.joins > 0
        });
        self.lost();
        waiting
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &Group> {
        self.0.iter().map(|wanted| &wanted.group)
    }

    fn find(&mut self, group: &Group) -> Option<&mut Wanted> {
        self.0.iter_mut().find(|wanted| wanted.group == *group)
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
        assert_eq!(groups.leave(&tea()), Some(vec![]));
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
    fn a_group_that_two_have_joined_is_left_with_the_second() {
        let mut groups = Groups::default();
        groups.join(&tea(), Call(1));
        groups.joined(&tea());
        groups.join(&tea(), Call(2));

        assert_eq!(groups.leave(&tea()), None);
        assert_eq!(groups.names().count(), 1);
        assert_eq!(groups.leave(&tea()), Some(vec![]));
        assert_eq!(groups.names().count(), 0);
        assert_eq!(groups.leave(&tea()), Some(vec![]));
    }

    #[test]
    fn a_join_that_came_to_nothing_needs_no_leave() {
        let mut groups = Groups::default();
        groups.join(&tea(), Call(1));
        groups.joined(&tea());
        groups.lost();
        groups.join(&tea(), Call(2));
        groups.ended();

        assert_eq!(groups.leave(&tea()), Some(vec![]));
    }

    #[test]
    fn a_membership_that_the_server_has_ended_is_nobody_s_and_one_that_is_asked_for_is_not_ended() {
        let mut groups = Groups::default();
        groups.join(&tea(), Call(1));
        groups.membership_ended(&tea());
        assert_eq!(groups.joined(&tea()), [Call(1)]);
        groups.join(&tea(), Call(2));

        groups.membership_ended(&Group::new("milk").unwrap());
        assert_eq!(groups.names().count(), 1);
        groups.membership_ended(&tea());

        assert_eq!(groups.names().count(), 0);
        assert_eq!(groups.join(&tea(), Call(3)), Joining::Ask);
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
