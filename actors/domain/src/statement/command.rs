//! What may be asked of a statement.
//!
//! There is one wish: take these lines. A call of up to ten thousand is cut into decisions that fit
//! a record each, in order; each is judged on what those before it left. The content mark covers
//! every line with its status, which the line's own mark leaves out.

use crate::currency::Currency;
use crate::id::WalletId;
use crate::key::ContentMark;
use crate::statement::line::{LINES_MAX, LINES_SIZE_MAX, LineStatus, Submitted};

/// Lines of a bank statement, submitted together.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Take {
    /// The wallet; no statement knows its own id.
    pub wallet: WalletId,
    /// The wallet's currency, which never changes.
    pub currency: Currency,
    /// The lines, in order.
    pub lines: Vec<Submitted>,
}

impl Take {
    /// Cuts a call into as many decisions as it needs, in order: each of at most [`LINES_MAX`] lines
    /// and [`LINES_SIZE_MAX`] bytes. A reversed line counts as two, because it may take two rewards
    /// back: that of the line, and that of the purchase to which the line belongs. So what a decision
    /// takes back fits a record of the wallet.
    pub fn cut(wallet: &WalletId, currency: Currency, lines: Vec<Submitted>) -> Vec<Self> {
        let mut calls: Vec<Self> = Vec::new();
        let (mut count, mut size) = (0, 0);
        for line in lines {
            let (one, bytes) = (weight(&line), line.line.size());
            let fits = count + one <= LINES_MAX && size + bytes <= LINES_SIZE_MAX;
            if let Some(call) = calls.last_mut().filter(|_| fits) {
                call.lines.push(line);
                (count, size) = (count + one, size + bytes);
            } else {
                calls.push(Self { wallet: wallet.clone(), currency, lines: vec![line] });
                (count, size) = (one, bytes);
            }
        }
        calls
    }
}

/// How many rewards a line may take back, or one.
fn weight(line: &Submitted) -> usize {
    match line.line.content().status {
        LineStatus::Pending | LineStatus::Posted => 1,
        LineStatus::Reversed => 2,
    }
}

/// What may be asked of a statement.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Command {
    /// Take lines in.
    Take(Take),
}

impl Command {
    /// The mark of what the client sent.
    pub fn content(&self) -> u64 {
        let Self::Take(take) = self;
        let mut mark = ContentMark::of("take-lines");
        for submitted in &take.lines {
            mark.text(submitted.currency.code());
            mark.text(submitted.line.content().status.as_str());
            mark.text(&submitted.line.mark().to_string());
        }
        mark.finish()
    }
}
