//! Tokens as a daemon gets them, in a scripted world.
