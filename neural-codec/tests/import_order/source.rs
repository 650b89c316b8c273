//! What one source file declares, brings into scope and names, read from its text without a full parser.

use std::collections::BTreeSet;

/// One name that a `use` brings into scope: the path as written, the name it has here, and whether others may take it from here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Use {
    pub(crate) path: Vec<String>,
    pub(crate) name: String,
    pub(crate) is_public: bool,
}

/// The items of a module that matter to imports; tests are left out.
#[derive(Debug, Default)]
pub(crate) struct Source {
    /// Modules with a file of their own.
    pub(crate) files: Vec<String>,
    /// Modules written out in this one.
    pub(crate) inline: Vec<(String, Source)>,
    pub(crate) uses: Vec<Use>,
    /// Items that are defined here.
    pub(crate) defined: BTreeSet<String>,
    /// Paths and single names outside `use` lines.
    pub(crate) paths: Vec<Vec<String>>,
}

const ITEMS: [&str; 9] = ["struct", "enum", "union", "fn", "const", "static", "trait", "type", "macro_rules"];

impl Source {
    pub(crate) fn read(text: &str) -> Self {
        Self::parse(&without_tests(&tokens(text)))
    }

    fn parse(tokens: &[String]) -> Self {
        let mut source = Self::default();
        let (mut at, mut is_public) = (0, false);
        while at < tokens.len() {
            let token = tokens[at].as_str();
            match token {
                "pub" => {
                    is_public = true;
                    at += 1;
                    if tokens.get(at).is_some_and(|next| next == "(") {
                        at = closing(tokens, at) + 1;
                    }
                    continue;
                }
                // Not `impl Trait + use<..>`.
                "use" if tokens.get(at + 1).is_none_or(|next| next != "<") => {
                    let end = end_of_item(tokens, at);
                    let mut next = at + 1;
                    source.read_use(tokens, &mut next, &[], is_public);
                    at = end;
                }
                "mod" if tokens.get(at + 2).is_some_and(|next| next == ";") => {
                    source.files.push(tokens[at + 1].clone());
                    at += 2;
                }
                "mod" if tokens.get(at + 2).is_some_and(|next| next == "{") => {
                    let end = closing(tokens, at + 2);
                    source.inline.push((tokens[at + 1].clone(), Self::parse(&tokens[at + 3..end])));
                    at = end;
                }
                _ if is_name(token) => {
                    if ITEMS.contains(&token) {
                        let skip =
                            usize::from(tokens.get(at + 1).is_some_and(|next| next == "mut" || next == "!"));
                        source.defined.extend(tokens.get(at + 1 + skip).cloned());
                    }
                    let mut path = vec![tokens[at].clone()];
                    while tokens.get(at + 1).is_some_and(|next| next == "::")
                        && tokens.get(at + 2).is_some_and(|next| is_name(next))
                    {
                        path.push(tokens[at + 2].clone());
                        at += 2;
                    }
                    source.paths.push(path);
                }
                _ => {}
            }
            is_public = false;
            at += 1;
        }
        source
    }

    /// Reads one branch of a `use` tree, of which `before` is the path so far.
    fn read_use(&mut self, tokens: &[String], at: &mut usize, before: &[String], is_public: bool) {
        let mut path = before.to_vec();
        loop {
            match tokens[*at].as_str() {
                "::" => *at += 1,
                "{" => {
                    *at += 1;
                    while tokens[*at] != "}" {
                        self.read_use(tokens, at, &path, is_public);
                        if tokens[*at] == "," {
                            *at += 1;
                        }
                    }
                    *at += 1;
                    return;
                }
                "*" => {
                    *at += 1;
                    self.uses.push(Use { path, name: "*".into(), is_public });
                    return;
                }
                "as" => {
                    self.uses.push(Use { path, name: tokens[*at + 1].clone(), is_public });
                    *at += 2;
                    return;
                }
                "," | "}" | ";" => break,
                "self" if !path.is_empty() => *at += 1,
                name => {
                    path.push(name.to_owned());
                    *at += 1;
                }
            }
        }
        if let Some(name) = path.last().cloned() {
            self.uses.push(Use { path, name, is_public });
        }
    }
}

fn is_name(token: &str) -> bool {
    token.starts_with(|c: char| c.is_alphabetic() || c == '_')
}

/// Names, `::` and single signs; comments, strings and characters are gone.
fn tokens(text: &str) -> Vec<String> {
    let bytes = text.as_bytes();
    let (mut found, mut at) = (Vec::new(), 0);
    while at < bytes.len() {
        let rest = &text[at..];
        if rest.starts_with("//") {
            at += rest.find('\n').unwrap_or(rest.len());
        } else if rest.starts_with("/*") {
            at += rest.find("*/").map_or(rest.len(), |end| end + 2);
        } else if let Some(length) = literal(rest) {
            at += length;
        } else if rest.starts_with("::") {
            found.push("::".to_owned());
            at += 2;
        } else if bytes[at].is_ascii_alphanumeric() || bytes[at] == b'_' {
            let length = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
            found.push(rest[..length].to_owned());
            at += length;
        } else {
            let sign = rest.chars().next().unwrap();
            if !sign.is_whitespace() {
                found.push(sign.to_string());
            }
            at += sign.len_utf8();
        }
    }
    found
}

/// Length of the string or character that `rest` starts with.
fn literal(rest: &str) -> Option<usize> {
    let prefix = ["br", "cr", "r", "b", "c", ""].into_iter().find(|prefix| {
        rest.strip_prefix(prefix).is_some_and(|after| {
            after.starts_with('"')
                || (prefix.ends_with('r')
                    && after.trim_start_matches('#').starts_with('"')
                    && after.starts_with('#'))
        })
    });
    if let Some(prefix) = prefix {
        let body = &rest[prefix.len()..];
        if prefix.ends_with('r') {
            let hashes = body.len() - body.trim_start_matches('#').len();
            let end = format!("\"{}", "#".repeat(hashes));
            let start = hashes + 1;
            return Some(prefix.len() + start + body[start..].find(&end)? + end.len());
        }
        return Some(prefix.len() + quoted(body, '"')?);
    }
    // A quote that opens no character opens a lifetime: `'a`, without a second quote behind the next sign.
    let body = rest.strip_prefix('b').filter(|body| body.starts_with('\'')).unwrap_or(rest);
    let mut signs = body.strip_prefix('\'')?.chars();
    let is_character = signs.next()? == '\\' || signs.next()? == '\'';
    is_character.then(|| quoted(body, '\'')).flatten().map(|length| rest.len() - body.len() + length)
}

fn quoted(body: &str, quote: char) -> Option<usize> {
    let mut escaped = false;
    for (at, sign) in body.char_indices().skip(1) {
        match sign {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            _ if sign == quote => return Some(at + 1),
            _ => {}
        }
    }
    None
}

/// Index of the bracket that closes the one at `open`.
fn closing(tokens: &[String], open: usize) -> usize {
    let mut depth = 0;
    for (at, token) in tokens.iter().enumerate().skip(open) {
        match token.as_str() {
            "(" | "[" | "{" => depth += 1,
            ")" | "]" | "}" => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return at;
        }
    }
    tokens.len()
}

/// Index of the last token of the item that starts at `start`: its `;`, or the brace that closes its body.
fn end_of_item(tokens: &[String], start: usize) -> usize {
    let mut at = start;
    let braces_end = !tokens[start..].iter().take(3).any(|token| token == "use");
    while at < tokens.len() {
        match tokens[at].as_str() {
            ";" => return at,
            "{" if braces_end => return closing(tokens, at),
            "(" | "[" | "{" => at = closing(tokens, at),
            // A field, an arm or an expression ends with what holds it.
            "," => return at,
            ")" | "]" | "}" => return at - 1,
            _ => {}
        }
        at += 1;
    }
    tokens.len()
}

/// The tokens without attributes and without items under `#[cfg(test)]`.
fn without_tests(tokens: &[String]) -> Vec<String> {
    let (mut kept, mut at) = (Vec::new(), 0);
    while at < tokens.len() {
        let open = at + 1 + usize::from(tokens.get(at + 1).is_some_and(|next| next == "!"));
        if tokens[at] != "#" || tokens.get(open).is_none_or(|next| next != "[") {
            kept.push(tokens[at].clone());
            at += 1;
            continue;
        }
        let end = closing(tokens, open);
        let is_test = tokens[open + 1..end].join("") == "cfg(test)";
        at = end + 1;
        if is_test {
            while tokens.get(at).is_some_and(|token| token == "#") {
                at = closing(tokens, at + 1) + 1;
            }
            at = end_of_item(tokens, at) + 1;
        }
    }
    kept
}
