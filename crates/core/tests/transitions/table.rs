//! What comes of every input in every stage, written as a table and as a diagram.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use onesocket_core::protocol::ClientFrame;
use onesocket_core::{Output, StateName};

use crate::NEW;
use crate::inputs::INPUTS;
use crate::stages::SCENES;
use crate::world::Message;

/// The rows of the table, and which public state leads to which by what.
pub(crate) fn explore() -> (String, BTreeMap<(StateName, StateName), BTreeSet<&'static str>>) {
    let mut table = String::from(
        "Every state and every input. An input that is not listed under a state changes\nnothing that can be seen: what is sent before the connection waits for it.\n",
    );
    let mut edges: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
    for (name, scene) in SCENES {
        writeln!(table, "\n{name}").unwrap();
        for (input, feed) in INPUTS {
            let mut world = scene();
            let stage = world.stage();
            assert!(
                name.strip_prefix("plain ").unwrap_or(name).starts_with(&stage),
                "{name}: {stage}"
            );
            let (from, start) = (world.state(), world.said.len());

            feed(&mut world);

            let to = world.stage();
            let said: Vec<_> = world.said[start..].iter().filter_map(words).collect();
            if to == stage && said.is_empty() {
                continue;
            }
            let arrow = if to == stage { String::new() } else { format!(" -> {to}") };
            let row = format!("  {input:<20}{arrow:<29} {}", said.join(", "));
            writeln!(table, "{}", row.trim_end()).unwrap();
            if from != world.state() {
                edges.entry((from, world.state())).or_default().insert(*input);
            }
        }
    }
    (table, edges)
}

/// The diagram of the README: the seven states that a user sees.
pub(crate) fn diagram(edges: &BTreeMap<(StateName, StateName), BTreeSet<&'static str>>) -> String {
    let mut text = String::from("```mermaid\nstateDiagram-v2\n    [*] --> idle\n");
    for ((from, to), inputs) in edges {
        let inputs: Vec<_> = inputs.iter().copied().collect();
        let (from, to) = (from.as_str(), to.as_str());
        writeln!(text, "    {from} --> {to}: {}", inputs.join(", ")).unwrap();
    }
    text + "```\n"
}

/// Says in a few words what is to be done; `None` for a change of status, which the table shows.
fn words(output: &Output<Message>) -> Option<String> {
    Some(match output {
        Output::Accepted(payloads) => format!("hand back {} payloads", payloads.len()),
        Output::AbortToken { .. } => "abort getToken".into(),
        Output::Deliver("throws closed") => "throw closed".into(),
        Output::Deliver(_) => "deliver".into(),
        Output::Detach { attempt } => format!("detach {}", attempt.0),
        Output::Error { error, undelivered } if undelivered.is_empty() => {
            format!("error {}", error.code.as_str())
        }
        Output::Error { error, undelivered } => {
            format!("error {} with {} undelivered", error.code.as_str(), undelivered.len())
        }
        Output::FetchToken { .. } => "ask getToken".into(),
        Output::SendHello { attempt } => format!("send hello over {}", attempt.0),
        Output::Log(note) => format!("log \"{}\"", first_words(&note.to_string())),
        Output::Open { attempt, .. } => format!("open {}", attempt.0),
        Output::Settle { call, result } => {
            let whose = if *call == NEW { "it" } else { "earlier" };
            match result {
                Ok(()) => format!("resolve {whose}"),
                Err(error) => format!("reject {whose} {}", error.code.as_str()),
            }
        }
        Output::Shut { attempt, code, .. } => format!("shut {} with {}", attempt.0, code.get()),
        Output::Status { .. } => return None,
        Output::TokenRefreshed { .. } => "tell refreshed".into(),
        Output::TokenFetched { result: Ok(_) } => "tell token".into(),
        Output::TokenFetched { result: Err(_) } => "tell token failed".into(),
        Output::Transmit { frame, .. } => match frame {
            ClientFrame::Join { .. } => "send join".into(),
            ClientFrame::Leave { .. } => "send leave".into(),
            ClientFrame::Message { .. } => "send message".into(),
            ClientFrame::Ping => "send ping".into(),
            ClientFrame::Pong => "send pong".into(),
            ClientFrame::Publish { .. } => "send publish".into(),
            ClientFrame::Refresh { .. } => "send the new token".into(),
        },
    })
}

fn first_words(text: &str) -> String {
    text.trim_start_matches("🔌 ").split([':', '(']).next().unwrap().trim().to_owned()
}
