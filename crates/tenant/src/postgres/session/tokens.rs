//! Splits a statement into words, strings and comments as Postgres does.

/// A token of a statement. White space and comments are skipped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Token<'a> {
    /// A keyword or a name.
    Word(&'a str),
    /// A name in double quotes, without them.
    Quoted(&'a str),
    /// A name in `U&"..."`. Its escapes are not decoded, so it may be any name.
    Escaped,
    /// A string, a number or a parameter.
    Value,
    /// Any other character.
    Symbol(char),
}

/// Reads tokens from the start of a text, in time linear in its length.
pub(crate) struct Tokens<'a>(&'a str);

impl<'a> Tokens<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        Self(text)
    }
}

impl<'a> Iterator for Tokens<'a> {
    type Item = Token<'a>;

    fn next(&mut self) -> Option<Token<'a>> {
        let text = skip_comments(self.0);
        let first = text.chars().next()?;
        let (token, length) = match first {
            '\'' => (Token::Value, quoted(text, b'\'', false)),
            '"' => {
                let length = quoted(text, b'"', false);
                (Token::Quoted(text[..length].trim_matches('"')), length)
            }
            '$' => (Token::Value, dollar(text)),
            '0'..='9' => (Token::Value, number(text)),
            c if is_word(c) => word(text),
            other => (Token::Symbol(other), other.len_utf8()),
        };
        self.0 = &text[length..];
        Some(token)
    }
}

fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '$') || !c.is_ascii()
}

/// A word. If it is `e` before a quote, the whole string, in which a backslash escapes; if it is `u` before `&"`, the
/// whole name.
fn word(text: &str) -> (Token<'_>, usize) {
    let (word, rest) = text.split_at(text.find(|c| !is_word(c)).unwrap_or(text.len()));
    if word.eq_ignore_ascii_case("e") && rest.starts_with('\'') {
        return (Token::Value, word.len() + escape_string(rest));
    }
    if word.eq_ignore_ascii_case("u") && rest.starts_with("&\"") {
        return (Token::Escaped, word.len() + 1 + quoted(&rest[1..], b'"', false));
    }
    (Token::Word(word), word.len())
}

/// Length of a string in which a backslash escapes. If a line break follows, another quote continues the string.
fn escape_string(text: &str) -> usize {
    let mut length = quoted(text, b'\'', true);
    while let Some(gap) = gap(&text[length..]) {
        length += gap + quoted(&text[length + gap..], b'\'', true);
    }
    length
}

/// Length of the white space and line comments before a quote, if they include a line break.
fn gap(text: &str) -> Option<usize> {
    let mut rest = skip_space(text);
    while rest.starts_with("--") {
        rest = skip_space(&rest[line(rest)..]);
    }
    let gap = &text[..text.len() - rest.len()];
    (rest.starts_with('\'') && gap.contains(['\n', '\r'])).then_some(gap.len())
}

/// Length of a number. Up to Postgres 14, a word may follow without a space.
fn number(text: &str) -> usize {
    let digits = |from: usize| from + text[from..].bytes().take_while(u8::is_ascii_digit).count();
    let mut end = digits(0);
    if text[end..].starts_with('.') {
        end = digits(end + 1);
    }
    let sign = end + 1 + usize::from(text[end..].get(1..2).is_some_and(|sign| "+-".contains(sign)));
    let has_exponent = text[end..].starts_with(['e', 'E']) && text.len() > sign && digits(sign) > sign;
    if has_exponent { digits(sign) } else { end }
}

/// Length of a string in dollars, of a parameter such as `$1`, or of a lone dollar.
fn dollar(text: &str) -> usize {
    let digits = text[1..].bytes().take_while(u8::is_ascii_digit).count();
    dollar_quoted(text).unwrap_or(1 + digits)
}

/// Length of the quoted text at the start, including its quotes. A doubled quote stands for one inside.
fn quoted(text: &str, quote: u8, escapes: bool) -> usize {
    let bytes = text.as_bytes();
    let mut at = 1;
    while let Some(&byte) = bytes.get(at) {
        at += match byte {
            b'\\' if escapes => 2,
            _ if byte != quote => 1,
            _ if bytes.get(at + 1) == Some(&quote) => 2,
            _ => return at + 1,
        };
    }
    text.len()
}

/// Length of a string such as `$$it's$$` or `$tag$...$tag$`, if the text starts with one.
fn dollar_quoted(text: &str) -> Option<usize> {
    let tag = text[1..].find(|c| c == '$' || !is_word(c)).map(|end| &text[1..=end])?;
    let is_tag = !tag.starts_with(|c: char| c.is_ascii_digit()) && text[1 + tag.len()..].starts_with('$');
    let (fence, rest) = is_tag.then(|| text.split_at(tag.len() + 2))?;
    Some(rest.find(fence).map_or(text.len(), |end| end + 2 * fence.len()))
}

/// The text after white space. Postgres takes non-ASCII spaces for parts of names.
fn skip_space(text: &str) -> &str {
    text.trim_start_matches([' ', '\t', '\n', '\r', '\x0b', '\x0c'])
}

/// Length of a comment to the end of its line.
fn line(text: &str) -> usize {
    text.find(['\n', '\r']).unwrap_or(text.len())
}

/// The text after white space and comments.
fn skip_comments(text: &str) -> &str {
    let mut rest = skip_space(text);
    loop {
        let comment = if rest.starts_with("--") {
            line(rest)
        } else if rest.starts_with("/*") {
            block_comment(rest)
        } else {
            return rest;
        };
        rest = skip_space(&rest[comment..]);
    }
}

/// Length of the comment that the text starts with. Comments nest.
fn block_comment(text: &str) -> usize {
    let (mut depth, mut at) = (0, 0);
    while let Some(pair) = text.as_bytes().get(at..at + 2) {
        at += match pair {
            b"/*" => {
                depth += 1;
                2
            }
            b"*/" => {
                depth -= 1;
                2
            }
            _ => 1,
        };
        if depth == 0 {
            return at;
        }
    }
    text.len()
}

#[cfg(test)]
#[path = "tokens_tests.rs"]
mod tests;
