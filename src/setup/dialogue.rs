//! Questions and answers, line by line.

use std::io::{self, BufRead, Write};

/// Who is asked.
pub trait Dialogue {
    /// Says a line.
    ///
    /// # Errors
    /// Nobody hears any more.
    fn say(&mut self, line: &str) -> io::Result<()>;

    /// Asks, with what an empty answer means. The answer, trimmed.
    ///
    /// # Errors
    /// Nobody answers any more ([`io::ErrorKind::UnexpectedEof`]).
    fn ask(&mut self, question: &str, default: &str) -> io::Result<String>;

    /// Asks until the answer is understood.
    ///
    /// # Errors
    /// As of [`Dialogue::ask`].
    fn ask_for<T>(
        &mut self,
        question: &str,
        default: &str,
        understood: impl Fn(&str) -> Result<T, String>,
    ) -> io::Result<T>
    where
        Self: Sized,
    {
        loop {
            match understood(&self.ask(question, default)?) {
                Ok(answer) => return Ok(answer),
                Err(why) => self.say(&format!("  {why}"))?,
            }
        }
    }

    /// Has one of several chosen, by number or by name; the answer is its place among them.
    ///
    /// # Errors
    /// As of [`Dialogue::ask`].
    fn choose(&mut self, question: &str, names: &[String], default: usize) -> io::Result<usize>
    where
        Self: Sized,
    {
        for (number, name) in names.iter().enumerate() {
            self.say(&format!("  {}  {name}", number + 1))?;
        }
        self.ask_for(question, &(default + 1).to_string(), |answer| {
            let number = answer.parse::<usize>().ok();
            let by_number = number.and_then(|number| number.checked_sub(1));
            by_number
                .filter(|place| *place < names.len())
                .or_else(|| names.iter().position(|name| name == answer))
                .ok_or_else(|| format!("a number from 1 to {}", names.len()))
        })
    }

    /// Yes or no.
    ///
    /// # Errors
    /// As of [`Dialogue::ask`].
    fn agrees(&mut self, question: &str, default: bool) -> io::Result<bool>
    where
        Self: Sized,
    {
        let usual = if default { "yes" } else { "no" };
        self.ask_for(question, usual, |answer| {
            match answer.to_lowercase().as_str() {
                "y" | "yes" => Ok(true),
                "n" | "no" => Ok(false),
                _ => Err("yes or no".into()),
            }
        })
    }
}

/// A terminal, or what stands for one.
pub struct Console<R, W> {
    answers: R,
    words: W,
}

impl<R: BufRead, W: Write> Console<R, W> {
    /// Reads answers from the one, and says its words to the other.
    pub fn new(answers: R, words: W) -> Self {
        Self { answers, words }
    }
}

/// Longest answer that is read, bytes.
const LONGEST_ANSWER: u64 = 4096;

impl<R: BufRead, W: Write> Dialogue for Console<R, W> {
    fn say(&mut self, line: &str) -> io::Result<()> {
        writeln!(self.words, "{line}")
    }

    fn ask(&mut self, question: &str, default: &str) -> io::Result<String> {
        write!(self.words, "{question} [{default}] ")?;
        self.words.flush()?;
        let mut line = String::new();
        let mut bounded = io::Read::take(&mut self.answers, LONGEST_ANSWER);
        if bounded.read_line(&mut line)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(match line.trim() {
            "" => default.to_owned(),
            answer => answer.to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked<T>(
        answers: &str,
        ask: impl Fn(&mut dyn FnMut() -> io::Result<usize>) -> T,
    ) -> (T, String) {
        let mut words = Vec::new();
        let mut console = Console::new(answers.as_bytes(), &mut words);
        let names = ["one".to_owned(), "two".to_owned()];
        let outcome = ask(&mut || console.choose("which?", &names, 1));
        (outcome, String::from_utf8(words).unwrap())
    }

    #[test]
    fn one_is_chosen_by_number_by_name_or_by_silence() {
        for (answers, chosen) in [("1\n", 0), ("two\n", 1), ("\n", 1), ("0\n7\nx\n 1 \n", 0)] {
            let (outcome, said) = asked(answers, |choose| choose().unwrap());
            assert_eq!(outcome, chosen, "{answers:?}");
            let again = answers.lines().count() - 1;
            assert_eq!(said.matches("a number from 1 to 2").count(), again);
        }
    }

    #[test]
    fn who_hangs_up_ends_it() {
        let (outcome, _) = asked("", |choose| choose().unwrap_err().kind());
        assert_eq!(outcome, io::ErrorKind::UnexpectedEof);
    }
}
