//! The figures as a table, with what they were measured on.

use std::fs;

use anyhow::Result;
use tokio::process::Command;

use crate::peer::Peer;
use crate::process::Programs;

/// A row: what was measured, and what came of it for each server.
struct Row {
    what: String,
    cells: Vec<(Peer, String, Option<f64>)>,
}

/// All that was measured.
pub(crate) struct Report {
    rows: Vec<Row>,
    machine: String,
    versions: String,
}

impl Report {
    /// Asks machine and programs what they are.
    pub(crate) async fn new(programs: &Programs) -> Result<Self> {
        let cpus = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let model =
            cpus.lines().find_map(|line| line.strip_prefix("model name")?.split(':').nth(1));
        let cores = std::thread::available_parallelism()?;
        let server = said(Command::new(&programs.server).arg("--version")).await?;
        let node = said(Command::new("node").arg("--version")).await?;
        let version = |package: &str| {
            let file = programs.node_peers.join(format!("../node_modules/{package}/package.json"));
            let text = fs::read_to_string(file).unwrap_or_default();
            let line = text.lines().find_map(|line| line.trim().strip_prefix("\"version\": \""));
            line.unwrap_or("?\"").trim_end_matches(['"', ',']).to_owned()
        };
        let (ws, socket_io) = (version("ws"), version("socket.io"));
        let axum = include_str!("../../Cargo.lock")
            .split("[[package]]")
            .find_map(|package| {
                package.trim().strip_prefix("name = \"axum\"\nversion = \"")?.split('"').next()
            })
            .unwrap_or("?");
        Ok(Self {
            rows: Vec::new(),
            machine: format!("{cores} cores, {}", model.unwrap_or(" unknown").trim()),
            versions: format!(
                "{server}, axum {axum}, Node.js {node}, ws {ws}, socket.io {socket_io}"
            ),
        })
    }

    /// Notes a number, which is set in proportion to that of the bare axum.
    pub(crate) fn number(&mut self, what: &str, peer: Peer, number: f64, digits: usize) {
        self.add(what, peer, format!("{number:.digits$}"), Some(number));
    }

    /// Notes what is no number.
    pub(crate) fn text(&mut self, what: &str, peer: Peer, text: String) {
        self.add(what, peer, text, None);
    }

    /// Prints all of it, in Markdown.
    pub(crate) fn print(&self) {
        println!(
            "\n{}; {}; servers and clients on the same machine\n",
            self.machine, self.versions
        );
        let all: Vec<Peer> = Peer::ALL.into_iter().chain([Peer::OnesocketRaw]).collect();
        let names: Vec<&str> = all.iter().map(|peer| peer.name()).collect();
        println!("| | {} |\n| --- {}|", names.join(" | "), "| ---: ".repeat(names.len()));
        for row in &self.rows {
            let find = |peer| row.cells.iter().find(|(other, ..)| *other == peer);
            let base = find(Peer::Axum).and_then(|(.., number)| *number).filter(|base| *base > 0.0);
            let cells = all.iter().map(|peer| match find(*peer) {
                None => String::new(),
                Some((Peer::Axum, text, _)) => text.clone(),
                Some((_, text, number)) => match number.zip(base) {
                    Some((number, base)) => format!("{text} (×{:.2})", number / base),
                    None => text.clone(),
                },
            });
            println!("| {} | {} |", row.what, cells.collect::<Vec<_>>().join(" | "));
        }
    }

    fn add(&mut self, what: &str, peer: Peer, text: String, number: Option<f64>) {
        eprintln!("-- {}: {what}: {text}", peer.name());
        let cell = (peer, text, number);
        match self.rows.iter_mut().find(|row| row.what == what) {
            Some(row) => row.cells.push(cell),
            None => self.rows.push(Row { what: what.to_owned(), cells: vec![cell] }),
        }
    }
}

async fn said(command: &mut Command) -> Result<String> {
    let output = command.output().await?;
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
