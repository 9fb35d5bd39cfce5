//! How work finds a worker: apalis backends over Redis Streams and over a channel.
