//! The one way out: resolve, judge, pin, dial.
