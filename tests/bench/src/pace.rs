//! Measures two sides alternately, so that changes in the machine's speed affect both.

use std::time::Duration;

use anyhow::{Context, Result};

use crate::{
    client::{self, Caller, Sample},
    rows::{Figures, Other},
    stage::Missing,
};

/// Number of windows per side.
const ROUNDS: usize = 9;

/// Duration of unmeasured calls before the first window: pools fill, statements are prepared, code is compiled.
const WARM_UP: Duration = Duration::from_secs(1);

/// The length of the windows.
pub(crate) struct Pace {
    window: Duration,
}

impl Pace {
    /// Creates a pace with windows of this length.
    pub(crate) fn new(window: Duration) -> Self {
        Self { window }
    }

    /// Measures ours, other, ours, other and so on, or only ours if the other side is missing. Each figure is the
    /// median of its windows.
    pub(crate) async fn compare<A: Caller, B: Caller>(
        &self,
        ours: Vec<A>,
        other: Result<Vec<B>, Missing>,
        figure: fn(&Sample) -> f64,
    ) -> Result<Figures> {
        let mut ours = Side::warmed(ours).await.context("Postern")?;
        let mut other = match other {
            Ok(callers) => Ok(Side::warmed(callers).await.context("the other side")?),
            Err(missing) => Err(missing),
        };
        for _ in 0..ROUNDS {
            ours.measure(self.window, figure).await.context("Postern")?;
            if let Ok(other) = &mut other {
                other.measure(self.window, figure).await.context("the other side")?;
            }
        }
        let other = other.map_or_else(Other::Missing, |side| Other::Figure(side.median()));
        Ok(Figures { ours: ours.median(), other })
    }
}

struct Side<C> {
    callers: Vec<C>,
    figures: Vec<f64>,
}

impl<C: Caller> Side<C> {
    async fn warmed(callers: Vec<C>) -> Result<Self> {
        let (callers, _) = client::run(callers, WARM_UP).await?;
        Ok(Self { callers, figures: Vec::new() })
    }

    async fn measure(&mut self, window: Duration, figure: fn(&Sample) -> f64) -> Result<()> {
        let (callers, sample) = client::run(std::mem::take(&mut self.callers), window).await?;
        self.callers = callers;
        self.figures.push(figure(&sample));
        Ok(())
    }

    fn median(mut self) -> f64 {
        self.figures.sort_by(f64::total_cmp);
        self.figures[self.figures.len() / 2]
    }
}
