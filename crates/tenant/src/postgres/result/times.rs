//! Postgres' text for times (`DateStyle = ISO`, `IntervalStyle = postgres`), rewritten to ISO 8601.
//!
//! Values that ISO 8601 cannot express are left alone: `infinity`, years BC.

/// `2026-01-02 03:04:05.678` becomes `2026-01-02T03:04:05.678`.
pub(crate) fn timestamp(text: &str) -> String {
    if text.ends_with("BC") {
        return text.to_owned();
    }
    text.replacen(' ', "T", 1)
}

/// Like [`timestamp`], and adds the minutes to an offset that has only hours: `+00` becomes `+00:00`.
pub(crate) fn zoned(text: &str) -> String {
    let mut text = timestamp(text);
    if matches!(text.as_bytes(), [.., b'+' | b'-', tens, ones] if tens.is_ascii_digit() && ones.is_ascii_digit())
    {
        text.push_str(":00");
    }
    text
}

/// `1 year 2 mons -3 days 04:05:06.7` becomes `P1Y2M-3DT4H5M6.7S`. Anything else, such as text of another
/// `IntervalStyle`, is left alone.
pub(crate) fn interval(text: &str) -> String {
    rewrite_interval(text).unwrap_or_else(|| text.to_owned())
}

fn rewrite_interval(text: &str) -> Option<String> {
    let mut iso = String::from("P");
    let mut words = text.split(' ');
    while let Some(word) = words.next() {
        if word.contains(':') {
            push_time(&mut iso, word)?;
            return words.next().is_none().then(|| finish(iso));
        }
        let number = word.parse::<i64>().ok()?;
        let unit = match words.next()? {
            "year" | "years" => "Y",
            "mon" | "mons" => "M",
            "day" | "days" => "D",
            _ => return None,
        };
        iso.extend([&number.to_string(), unit]);
    }
    Some(finish(iso))
}

/// `[+-]HH:MM:SS[.ffffff]`; a sign belongs to each part.
fn push_time(iso: &mut String, clock: &str) -> Option<()> {
    let (sign, clock) = match clock.strip_prefix('-') {
        Some(clock) => ("-", clock),
        None => ("", clock.strip_prefix('+').unwrap_or(clock)),
    };
    let mut parts = clock.splitn(3, ':');
    let (hours, minutes, seconds) = (parts.next()?, parts.next()?, parts.next()?);
    let mut time = String::new();
    for (part, unit) in [(hours, "H"), (minutes, "M"), (seconds, "S")] {
        if !part.bytes().all(|b| b.is_ascii_digit() || b == b'.') {
            return None;
        }
        let digits = part.trim_start_matches('0');
        if !digits.is_empty() {
            let zero = if digits.starts_with('.') { "0" } else { "" };
            time.extend([sign, zero, digits, unit]);
        }
    }
    if !time.is_empty() {
        iso.push('T');
        iso.push_str(&time);
    }
    Some(())
}

fn finish(iso: String) -> String {
    if iso == "P" { "PT0S".to_owned() } else { iso }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn timestamps_get_their_t_and_offsets_their_minutes() {
        assert_eq!(timestamp("2026-01-02 03:04:05.678"), "2026-01-02T03:04:05.678");
        assert_eq!(timestamp("12026-01-02 03:04:05"), "12026-01-02T03:04:05");
        assert_eq!(zoned("2026-01-02 03:04:05+00"), "2026-01-02T03:04:05+00:00");
        assert_eq!(zoned("2026-01-02 03:04:05-03:30"), "2026-01-02T03:04:05-03:30");
        assert_eq!(zoned("03:04:05.5-07"), "03:04:05.5-07:00");
    }

    #[test]
    fn what_iso_8601_cannot_say_stays() {
        for text in ["infinity", "-infinity"] {
            assert_eq!(
                (timestamp(text), zoned(text), interval(text)),
                (text.into(), text.into(), text.into())
            );
        }
        assert_eq!(timestamp("0044-03-15 12:00:00 BC"), "0044-03-15 12:00:00 BC");
        assert_eq!(zoned("0044-03-15 12:00:00+00 BC"), "0044-03-15 12:00:00+00 BC");
    }

    #[test]
    fn intervals_become_durations() {
        for (postgres, iso) in [
            ("00:00:00", "PT0S"),
            ("1 year 2 mons -3 days +04:05:06.7", "P1Y2M-3DT4H5M6.7S"),
            ("-1 years -2 mons +3 days -04:05:06", "P-1Y-2M3DT-4H-5M-6S"),
            ("1 mon", "P1M"),
            ("00:00:00.000001", "PT0.000001S"),
            ("100:00:10", "PT100H10S"),
            ("2 days", "P2D"),
        ] {
            assert_eq!(interval(postgres), iso, "{postgres}");
        }
        for other in ["P1Y", "@ 1 year", "1-2", "", "1 fortnight", "1 day 04:05:06 7"] {
            assert_eq!(interval(other), other);
        }
    }

    proptest! {
        #[test]
        fn any_text_is_taken(text in ".{0,40}") {
            let _ = (timestamp(&text), zoned(&text), interval(&text));
        }
    }
}
