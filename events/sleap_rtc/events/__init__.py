"""What is said and how it travels: S3 notices, jobs, room notifications, queues and the reactors."""
