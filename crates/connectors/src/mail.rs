//! Mail: the port behind which a transport stands, and what a message may hold.
