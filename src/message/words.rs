//! The words that a text is found by.
//!
//! Case and diacritics do not matter. Scripts that write no spaces between words (Chinese, Japanese, Korean, Thai …) are cut
//! into overlapping pairs of characters and single ones, so that any stretch of such a text is found; emoji are words of one
//! character. Endings of English words are the index's business. The rules: protocol.md, "Searching".

use std::collections::BTreeSet;
use unicode_normalization::UnicodeNormalization;

/// Longest text to search for, in bytes.
pub const SEARCH_LEN_MAX: usize = 256;

/// Most characters of a word that count; what a longer one has behind them is not looked at.
const WORD_CHARS_MAX: usize = 64;

/// What somebody searches for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sought {
    words: BTreeSet<String>,
    /// Stretches whose pairs of characters must follow one another.
    stretches: Vec<String>,
}

/// How a character takes part in words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    /// Of a word between spaces.
    Letter,
    /// Of a script without spaces.
    Unspaced,
    /// A word of its own.
    Picture,
    /// Invisible: neither part of a word nor its end.
    Nothing,
    /// Between words.
    Between,
}

/// The words of `text`, for an index: each as often as it stands there, with spaces between them.
#[must_use]
pub fn words_of(text: &str) -> String {
    let mut words = String::with_capacity(text.len().saturating_mul(2));
    let mut put = |word: &str| {
        if !words.is_empty() {
            words.push(' ');
        }
        words.push_str(word);
    };
    each_run(&folded(text), |part, run| match part {
        Part::Unspaced => {
            pairs(run, &mut put);
            for c in run {
                put(c.encode_utf8(&mut [0; 4]));
            }
        }
        _ => put(&run.iter().take(WORD_CHARS_MAX).collect::<String>()),
    });
    words
}

impl Sought {
    /// Reads what somebody typed; `None` if there is no word in it.
    #[must_use]
    pub fn parse(typed: &str) -> Option<Self> {
        let mut sought = Self { words: BTreeSet::new(), stretches: Vec::new() };
        each_run(&folded(typed), |part, run| match (part, run) {
            (Part::Unspaced, [_, _, ..]) => {
                pairs(run, |pair| {
                    sought.words.insert(pair.to_owned());
                });
                if run.len() > 2 {
                    sought.stretches.push(run.iter().collect());
                }
            }
            _ => {
                sought.words.insert(run.iter().take(WORD_CHARS_MAX).collect());
            }
        });
        if sought.words.is_empty() { None } else { Some(sought) }
    }

    /// The words that must all be among a text's [`words_of`], each once. They have letters, digits and pictures only.
    pub fn words(&self) -> impl Iterator<Item = &str> {
        self.words.iter().map(String::as_str)
    }

    /// Whether a text that has all the words also has the stretches that they were cut from.
    #[must_use]
    pub fn fits(&self, text: &str) -> bool {
        if self.stretches.is_empty() {
            return true;
        }
        let text: String = folded(text).into_iter().collect();
        self.stretches.iter().all(|stretch| text.contains(stretch.as_str()))
    }
}

/// Compatibility forms made one, diacritics taken off, case folded, invisible characters left out.
fn folded(text: &str) -> Vec<char> {
    if text.is_ascii() {
        return text.chars().map(|c| c.to_ascii_lowercase()).collect();
    }
    let bare: String = text.nfkd().filter(|c| !is_diacritic(*c) && part_of(*c) != Part::Nothing).nfc().collect();
    caseless::default_case_fold_str(&bare).chars().collect()
}

/// Hands `take` each longest run of characters that are the same part of words; a picture is a run of its own.
fn each_run(text: &[char], mut take: impl FnMut(Part, &[char])) {
    let is_one = |a: &char, b: &char| part_of(*a) == part_of(*b) && part_of(*a) != Part::Picture;
    for run in text.chunk_by(is_one) {
        match run.first().map(|first| part_of(*first)) {
            Some(part @ (Part::Letter | Part::Unspaced | Part::Picture)) => take(part, run),
            Some(Part::Nothing | Part::Between) | None => {}
        }
    }
}

fn pairs(run: &[char], mut take: impl FnMut(&str)) {
    run.windows(2).for_each(|pair| take(&pair.iter().collect::<String>()));
}

/// The blocks of combining marks that other scripts put on their letters; marks of unspaced and Indic scripts are no such.
fn is_diacritic(c: char) -> bool {
    matches!(c, '\u{300}'..='\u{36f}' | '\u{1ab0}'..='\u{1aff}' | '\u{1dc0}'..='\u{1dff}')
}

fn part_of(c: char) -> Part {
    match c {
        'a'..='z' | 'A'..='Z' | '0'..='9' => Part::Letter,
        '\0'..='\u{7f}' => Part::Between,
        // Joiners, direction marks, variation selectors, skin tones: they change how their neighbour looks.
        '\u{ad}'
        | '\u{200b}'..='\u{200f}'
        | '\u{2060}'
        | '\u{feff}'
        | '\u{fe00}'..='\u{fe0f}'
        | '\u{20e3}'
        | '\u{1f3fb}'..='\u{1f3ff}'
        | '\u{e0000}'..='\u{e0fff}' => Part::Nothing,
        '\u{2190}'..='\u{21ff}' | '\u{2600}'..='\u{27bf}' | '\u{2b00}'..='\u{2bff}' | '\u{1f000}'..='\u{1faff}' => Part::Picture,
        _ if !c.is_alphanumeric() && !unicode_normalization::char::is_combining_mark(c) => Part::Between,
        _ if is_unspaced(c) => Part::Unspaced,
        _ => Part::Letter,
    }
}

/// Thai, Lao, Burmese, Khmer, kana, bopomofo, Han, Hangul. Korean does write spaces, but glues particles to its words.
fn is_unspaced(c: char) -> bool {
    matches!(c,
        '\u{e00}'..='\u{eff}' | '\u{1000}'..='\u{109f}' | '\u{1100}'..='\u{11ff}' | '\u{1780}'..='\u{17ff}'
        | '\u{2e80}'..='\u{2fdf}' | '\u{3005}'..='\u{3007}' | '\u{3040}'..='\u{312f}' | '\u{31f0}'..='\u{31ff}'
        | '\u{3400}'..='\u{9fff}' | '\u{ac00}'..='\u{d7af}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn is_found(sought: &str, text: &str) -> bool {
        let words = words_of(text);
        let has = |word: &str| words.split(' ').any(|known| known == word);
        let sought = Sought::parse(sought).unwrap();
        sought.words().all(has) && sought.fits(text)
    }

    #[test]
    fn case_width_and_diacritics_do_not_matter() {
        assert_eq!(words_of("Deployed it, at 10:30!"), "deployed it at 10 30");
        assert_eq!(words_of("Čeština ÉTÉ ﬁn Ｆｕｌｌ STRASSE straße"), "cestina ete fin full strasse strasse");
        assert!(is_found("ecole", "L’École"));
        assert!(is_found("ПРИВЕТ", "привет, мир"));
        assert!(!is_found("part", "apartment"), "words are found whole");
        assert_eq!(words_of("…!? — "), "");
        assert_eq!(words_of(&"x".repeat(1_000)), "x".repeat(WORD_CHARS_MAX));
    }

    #[test]
    fn chinese_and_japanese_are_found_by_any_stretch() {
        assert_eq!(words_of("今天部署"), "今天 天部 部署 今 天 部 署");
        for sought in ["部署", "部", "天部", "今天部署完成", "完成"] {
            assert!(is_found(sought, "今天部署完成。"), "{sought}");
        }
        assert!(!is_found("署今", "今天部署完成"));
        assert!(is_found("サーバー", "新しいサーバーを起動した"));
        assert!(is_found("ガ", "ｶﾞ"), "half-width forms are the same letters");
        assert!(!is_found("か", "が"), "voiced kana are other letters, no diacritics");
        assert!(is_found("서버", "서버를 껐다"));
    }

    #[test]
    fn pairs_that_do_not_follow_one_another_are_no_stretch() {
        assert!(!is_found("今天部署", "今天部，天部署"));
        assert!(is_found("今天 部署", "部署，今天"), "with a space between them they may stand anywhere");
    }

    #[test]
    fn mixed_texts_and_emoji_are_cut_where_the_script_changes() {
        assert_eq!(words_of("部署v2完成"), "部署 部 署 v2 完成 完 成");
        assert!(is_found("v2", "部署v2完成"));
        assert_eq!(words_of("ok👍🏽👍🎉"), "ok 👍 👍 🎉");
        assert!(is_found("🎉", "done🎉!"));
        assert!(is_found("❤", "❤\u{fe0f}"));
    }

    #[test]
    fn what_has_no_word_cannot_be_sought() {
        for typed in ["", "  ", "?!", "\"*", "\u{200b}"] {
            assert_eq!(Sought::parse(typed), None, "{typed:?}");
        }
    }

    proptest! {
        #[test]
        fn every_text_is_found_by_itself(text in "\\PC{1,60}") {
            if let Some(sought) = Sought::parse(&text) {
                prop_assert!(is_found(&text, &text), "{:?} in {:?}", sought, words_of(&text));
            }
        }

        #[test]
        fn no_word_can_steer_the_index(text in any::<String>()) {
            prop_assert!(!words_of(&text).chars().any(|c| c.is_ascii() && !c.is_ascii_alphanumeric() && c != ' '));
        }
    }
}
