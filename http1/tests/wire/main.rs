//! Messages, from outside: what is refused, what is read, and what others make of the same bytes.

mod bodies;
mod corpus;
mod laws;
mod messages;
mod one_reading;
mod requests;
mod responses;
