//! The tables, one file each, and their list.
//!
//! A new table is a new file here and its two lines in this one; how, says `src/export/mod.rs`.

mod activities;
mod advances;
mod campaigns;
mod commitments;
mod deals;
mod debits;
mod draws;
mod entries;
mod investments;
mod outcomes;
mod payments;
mod providers;
mod reimbursements;
mod rewards;
mod transactions;
mod wallets;

use super::Table;

/// All tables, in the order in which the help names them.
pub(crate) static TABLES: [&Table; 16] = [
    &wallets::TABLE,
    &providers::TABLE,
    &payments::TABLE,
    &entries::TABLE,
    &activities::TABLE,
    &reimbursements::TABLE,
    &deals::TABLE,
    &investments::TABLE,
    &advances::TABLE,
    &debits::TABLE,
    &transactions::TABLE,
    &draws::TABLE,
    &rewards::TABLE,
    &campaigns::TABLE,
    &commitments::TABLE,
    &outcomes::TABLE,
];

/// The table of a name.
pub(crate) fn of_name(name: &str) -> Option<&'static Table> {
    TABLES.iter().find(|table| table.name == name).copied()
}

/// The names of all tables, for a message.
pub(crate) fn names() -> String {
    TABLES.map(|table| table.name).join(", ")
}
