//! Rights: which groups a user may join, and publish to. Whoever has none may do nothing.

use std::fmt;
use std::sync::Arc;

use onesocket_protocol::Group;
use serde::{Deserialize, Serialize};

/// The maximum number of patterns in a token, of both kinds together.
const MAX_PATTERNS: usize = 1000;

/// Groups, by their names: one of them, or, ending in `*`, all that begin with what stands before it.
///
/// Names are compared byte by byte: what looks alike is not the same.
///
/// ```
/// use onesocket_server::Pattern;
///
/// let rooms = Pattern::new("room-*")?;
/// # Ok::<(), onesocket_server::PatternError>(())
/// ```
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub enum Pattern {
    /// The group of this name.
    Exact(Group),
    /// All groups whose names begin so; with nothing, all groups.
    Prefix(String),
}

/// Why a text is no [`Pattern`].
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct PatternError;

/// What a token says of groups: its claim `groups`.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(try_from = "Claim", into = "Claim")]
pub struct Rights {
    join: Arc<[Pattern]>,
    publish: Arc<[Pattern]>,
}

/// What a user may do: what the token says, and what is open to all.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Access {
    rights: Rights,
    open: Arc<[Pattern]>,
}

/// Who decides what a user may do with a group.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum DecidedBy {
    /// The application.
    Application,
    /// The token says it, and what is open to all.
    Token,
}

/// How the claim is written: patterns for both, or for each.
#[derive(Deserialize, Serialize)]
#[serde(untagged)]
enum Claim {
    Both(Vec<String>),
    Each {
        #[serde(default)]
        join: Vec<String>,
        #[serde(default)]
        publish: Vec<String>,
    },
}

impl Pattern {
    /// Reads a pattern: the name of a group, or the beginning of one and a `*` behind it.
    ///
    /// # Errors
    ///
    /// Refuses a `*` anywhere else, and what no name of a group begins with.
    pub fn new(text: &str) -> Result<Self, PatternError> {
        let prefix = text.strip_suffix('*');
        let name = prefix.unwrap_or(text);
        if prefix == Some("") {
            return Ok(Self::Prefix(String::new()));
        }
        match Group::new(name) {
            Ok(_) if name.contains('*') => Err(PatternError),
            Ok(group) if prefix.is_none() => Ok(Self::Exact(group)),
            Ok(group) => Ok(Self::Prefix(group.as_str().to_owned())),
            Err(_) => Err(PatternError),
        }
    }

    /// Says whether it is a pattern for this group.
    pub fn covers(&self, group: &Group) -> bool {
        match self {
            Self::Exact(exact) => exact == group,
            Self::Prefix(prefix) => group.as_str().starts_with(prefix),
        }
    }
}

impl Rights {
    /// Makes rights of patterns.
    pub fn new(join: Vec<Pattern>, publish: Vec<Pattern>) -> Self {
        Self { join: join.into(), publish: publish.into() }
    }

    /// Says whether nothing is allowed.
    pub fn is_empty(&self) -> bool {
        self.join.is_empty() && self.publish.is_empty()
    }
}

impl TryFrom<Claim> for Rights {
    type Error = PatternError;

    fn try_from(claim: Claim) -> Result<Self, PatternError> {
        let (join, publish) = match &claim {
            Claim::Both(both) => (both, both),
            Claim::Each { join, publish } => (join, publish),
        };
        if join.len() + publish.len() > MAX_PATTERNS {
            return Err(PatternError);
        }
        let read = |texts: &[String]| -> Result<Arc<[Pattern]>, PatternError> {
            texts.iter().map(|text| Pattern::new(text)).collect()
        };
        Ok(Self { join: read(join)?, publish: read(publish)? })
    }
}

impl From<Rights> for Claim {
    fn from(Rights { join, publish }: Rights) -> Self {
        let texts = |patterns: &[Pattern]| patterns.iter().map(Pattern::to_string).collect();
        if join == publish {
            Self::Both(texts(&join))
        } else {
            Self::Each { join: texts(&join), publish: texts(&publish) }
        }
    }
}

impl Access {
    /// Makes access of what a token says and what is open to all who are signed in.
    pub fn new(rights: Rights, open: Arc<[Pattern]>) -> Self {
        Self { rights, open }
    }

    /// Says whether a group may be joined.
    pub fn may_join(&self, group: &Group) -> bool {
        self.has(&self.rights.join, group)
    }

    /// Says whether may be published to a group. That one has to be in it stands elsewhere: in the hub.
    pub fn may_publish(&self, group: &Group) -> bool {
        self.has(&self.rights.publish, group)
    }

    fn has(&self, granted: &[Pattern], group: &Group) -> bool {
        granted.iter().chain(&*self.open).any(|pattern| pattern.covers(group))
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact(group) => f.write_str(group.as_str()),
            Self::Prefix(prefix) => write!(f, "{prefix}*"),
        }
    }
}

impl fmt::Display for PatternError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "a pattern is the name of a group, or the beginning of one and a * behind it, and nothing else \
             with a *",
        )
    }
}

impl std::error::Error for PatternError {}

#[cfg(test)]
mod tests {
    use super::*;

    fn group(name: &str) -> Group {
        Group::new(name).unwrap()
    }

    fn covers(pattern: &str, name: &str) -> bool {
        Pattern::new(pattern).unwrap().covers(&group(name))
    }

    #[test]
    fn a_pattern_is_a_name_or_a_beginning() {
        assert!(covers("tea", "tea"));
        for other in ["te", "teas", "Tea", " tea", "tea*"] {
            assert!(!covers("tea", other), "{other}");
        }
        for room in ["room-", "room-1", "room-*", "room-ünï"] {
            assert!(covers("room-*", room), "{room}");
        }
        assert!(!covers("room-*", "room") && !covers("room-*", "a-room-1"));
        assert!(covers("*", "tea") && covers("*", "*"));
    }

    #[test]
    fn what_looks_alike_is_not_the_same() {
        // Cyrillic а, a composed and a decomposed é, a zero-width joiner, another case.
        for (pattern, name) in [
            ("tea", "te\u{430}"),
            ("caf\u{e9}", "cafe\u{301}"),
            ("room-*", "room\u{200d}-1"),
            ("stra\u{df}e*", "STRASSE"),
        ] {
            assert!(!covers(pattern, name), "{pattern} {name}");
        }
    }

    #[test]
    fn what_no_group_begins_with_is_no_pattern() {
        let longest = "x".repeat(Group::MAX_BYTES);
        assert!(Pattern::new(&longest).is_ok() && Pattern::new(&format!("{longest}*")).is_ok());
        for bad in [
            "",
            "**",
            "*a",
            "a*b",
            "a**",
            "\n*",
            "a\u{0}",
            &format!("{longest}x"),
            &format!("{longest}x*"),
        ] {
            assert_eq!(Pattern::new(bad), Err(PatternError), "{bad:?}");
        }
    }

    #[test]
    fn a_claim_is_of_both_or_of_each() {
        let read = |json: &str| serde_json::from_str::<Rights>(json).ok();
        let may = |rights: Option<Rights>| {
            let access = Access::new(rights.unwrap(), Arc::default());
            (access.may_join(&group("tea")), access.may_publish(&group("tea")))
        };
        assert_eq!(may(read(r#"["t*"]"#)), (true, true));
        assert_eq!(may(read("[]")), (false, false));
        assert_eq!(may(read(r#"{"join":["tea"]}"#)), (true, false));
        assert_eq!(may(read(r#"{"publish":["tea"]}"#)), (false, true));
        assert_eq!(may(read("{}")), (false, false));
        let many = |count| serde_json::to_string(&vec!["tea"; count]).unwrap();
        assert!(read(&many(MAX_PATTERNS / 2)).is_some() && read(&many(10_000)).is_none());
        for bad in
            [r#""tea""#, "7", "null", r#"[7]"#, r#"{"join":"tea"}"#, r#"["a*b"]"#, r#"[["tea"]]"#]
        {
            assert!(read(bad).is_none(), "{bad}");
        }
        for json in [r#"["tea","room-*"]"#, r#"{"join":["tea"],"publish":["*"]}"#, "[]"] {
            assert_eq!(serde_json::to_string(&read(json).unwrap()).unwrap(), json);
        }
    }

    #[test]
    fn nobody_may_anything_without_a_right_and_everybody_what_is_open() {
        let nobody = Access::default();
        assert!(!nobody.may_join(&group("tea")) && !nobody.may_publish(&group("tea")));

        let open = Access::new(Rights::default(), [Pattern::new("te*").unwrap()].into());
        assert!(open.may_join(&group("tea")) && open.may_publish(&group("tea")));
        assert!(!open.may_join(&group("coffee")));
    }
}
