"""What operators write: settings of the daemon and the shipped examples, read strictly."""
