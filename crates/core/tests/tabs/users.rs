//! The key of tabs is not proof of who somebody is: a tab of another user than the connection gets no part in it.

use onesocket_core::{
    Applicant, ErrorCode, News, PortId, Tab, TabFrame, TabId, TabInput, TabOutput, Term, Terms,
    Time,
};

const NOW: Time = Time::ZERO;

/// A tab that leads, of which nothing has been asked yet, with its term.
fn leader() -> (Tab<()>, Term) {
    let mut tab = Tab::new(TabId(1), "first", true);
    tab.handle(TabInput::Wish(true), NOW);
    tab.handle(TabInput::Granted { request: 1, epoch_ms: 5 }, NOW);
    drain(&mut tab);
    (tab, Term { number: 5, leader: TabId(1) })
}

fn drain(tab: &mut Tab<()>) -> Vec<TabOutput<()>> {
    std::iter::from_fn(|| tab.poll()).collect()
}

fn open(term: Term, tab: u64, user: &str) -> TabInput<()> {
    let member = Applicant { client: format!("of {user}"), user: user.into(), shown: true };
    TabInput::Heard { from: TabId(tab), frame: TabFrame::Open { term, port: 1, member } }
}

fn ada() -> TabInput<()> {
    TabInput::LinkUp(Some(Terms { user: "ada".into(), max_message_bytes: 9, tabs: 64 }))
}

#[test]
fn a_tab_of_another_user_fails_and_is_not_told_to_the_server() {
    for is_up_before in [true, false] {
        let (mut tab, term) = leader();
        let opens = [open(term, 2, "ada"), open(term, 3, "eve"), open(term, 4, "")];
        if is_up_before {
            tab.handle(ada(), NOW);
        }
        for open in opens {
            tab.handle(open, NOW);
        }
        if !is_up_before {
            tab.handle(ada(), NOW);
        }

        let outputs = drain(&mut tab);
        let attached = |client: &str| {
            outputs
                .iter()
                .any(|it| matches!(it, TabOutput::Attach { client: of, .. } if of == client))
        };
        assert_eq!(["of ada", "of eve", "of "].map(attached), [true, false, true]);
        let eve = PortId { tab: TabId(3), number: 1 };
        let fails = |output: &TabOutput<()>| {
            let TabOutput::Post(TabFrame::News { news, .. }) = output else { return false };
            let News::Failed { to, error } = news else { return false };
            *to == Some(eve) && error.code == ErrorCode::AnotherUser
        };
        assert!(outputs.iter().any(fails), "{outputs:?}");
    }
}

#[test]
fn a_leader_that_becomes_another_user_takes_the_others_tabs_no_more() {
    let (mut tab, term) = leader();
    tab.handle(ada(), NOW);
    tab.handle(open(term, 2, "ada"), NOW);
    tab.handle(TabInput::LinkLost, NOW);
    tab.handle(open(term, 2, "ada"), NOW);
    drain(&mut tab);

    let eve = Terms { user: "eve".into(), max_message_bytes: 9, tabs: 64 };
    tab.handle(TabInput::LinkUp(Some(eve)), NOW);

    let outputs = drain(&mut tab);
    assert!(
        !outputs.iter().any(|output| matches!(output, TabOutput::Attach { .. })),
        "{outputs:?}"
    );
}
