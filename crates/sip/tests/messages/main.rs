//! Messages as the world sends them: real traces, the torture messages of RFC 4475, mutations, and a second opinion.

#![cfg(test)]

mod corpus;
mod mutations;
mod second_opinion;
mod torture;
mod traces;
