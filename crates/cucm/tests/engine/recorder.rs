//! What a recorder may do in its dialogs.
