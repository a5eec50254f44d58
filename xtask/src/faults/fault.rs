//! The faults, as `faults.txt` has them.

use anyhow::{Context as _, Result, bail};

/// One fault: what becomes what in which file.
#[derive(Debug, Eq, PartialEq)]
pub(super) struct Fault {
    /// What goes wrong.
    pub(super) name: String,
    /// The file, from the root of the repository.
    pub(super) file: String,
    /// The package and the test of it that catch the fault, where those of its crate need not.
    pub(super) by: Option<(String, String)>,
    before: String,
    after: String,
}

/// Reads the faults.
///
/// # Errors
///
/// Returns an error that names the one that is none.
pub(super) fn read(text: &str) -> Result<Vec<Fault>> {
    let mut faults = Vec::new();
    for paragraph in text.split("\n\n").map(str::trim_end) {
        let mut lines = paragraph.lines().filter(|line| !line.starts_with('#'));
        let Some(name) = lines.next() else { continue };
        let place = lines.next().with_context(|| format!("in which file is \"{name}\"?"))?;
        let (file, by) = match place.split(' ').collect::<Vec<_>>()[..] {
            [file] => (file, None),
            [file, "by", package, test] => (file, Some((package.to_owned(), test.to_owned()))),
            _ => bail!("\"{name}\": this is neither FILE nor FILE by PACKAGE TEST: {place}"),
        };
        let (mut before, mut after) = (String::new(), String::new());
        for line in lines {
            let (sign, code) = line.split_at_checked(1).unwrap_or_default();
            if !matches!(sign, "-" | "+" | "|") {
                bail!("\"{name}\": a line begins with -, + or |, not so: {line}");
            }
            for text in [(sign != "+").then_some(&mut before), (sign != "-").then_some(&mut after)]
                .into_iter()
                .flatten()
            {
                text.push_str(code);
                text.push('\n');
            }
        }
        let full = ["crates/", "server/"].iter().any(|folder| file.starts_with(folder));
        let file = if full { file.to_owned() } else { format!("crates/core/src/{file}") };
        faults.push(Fault { name: name.to_owned(), file, by, before, after });
    }
    Ok(faults)
}

impl Fault {
    /// Returns the text with the fault in it.
    ///
    /// # Errors
    ///
    /// Returns an error if it does not fit there, or in more than one place.
    pub(super) fn put_into(&self, text: &str) -> Result<String> {
        match text.matches(&self.before).count() {
            1 => Ok(text.replacen(&self.before, &self.after, 1)),
            found => bail!(
                "this fault is in xtask/faults.txt for a text that is {found} times in {}, not \
                 once:\n{}",
                self.file,
                self.before
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_is_put_in_where_its_text_is_and_nowhere_else() {
        let text = "# Faults.\n\na wrong sum\nsum.rs\n|    let a = 1;\n-    a + 1\n+    a + 2\n";
        let faults = read(text).unwrap();

        assert_eq!(faults.len(), 1);
        assert_eq!((&*faults[0].name, &faults[0].by), ("a wrong sum", &None));
        let put = |text| faults[0].put_into(text);
        assert_eq!(put("    let a = 1;\n    a + 1\n").unwrap(), "    let a = 1;\n    a + 2\n");
        assert!(put("    a + 1\n").is_err());
        assert!(put("    let a = 1;\n    a + 1\n    let a = 1;\n    a + 1\n").is_err());
    }

    #[test]
    fn a_file_is_one_of_the_machine_unless_its_crate_is_named() {
        let file =
            |place: &str| read(&format!("a name\n{place}\n- a\n")).map(|all| all[0].file.clone());

        assert_eq!(file("time.rs").unwrap(), "crates/core/src/time.rs");
        assert_eq!(file("server/src/hub.rs").unwrap(), "server/src/hub.rs");
        assert_eq!(file("server/src/hub.rs by a b").unwrap(), "server/src/hub.rs");
        assert!(file("server/src/hub.rs by a").is_err());
    }
}
