output "upload_events_queue_arn" {
  description = "The ARN of the queue that hears of datasets."
  value       = local.upload_events_arn
}

output "upload_events_queue_url" {
  description = "Its URL."
  value       = aws_sqs_queue.upload_events.url
}

output "upload_events_queue_name" {
  description = "Its name (setting upload_events_queue)."
  value       = aws_sqs_queue.upload_events.name
}

output "model_events_queue_arn" {
  description = "The ARN of the queue that hears of models."
  value       = local.model_events_arn
}

output "model_events_queue_url" {
  description = "Its URL."
  value       = aws_sqs_queue.model_events.url
}

output "model_events_queue_name" {
  description = "Its name (setting model_events_queue)."
  value       = aws_sqs_queue.model_events.name
}

output "dead_letter_queue_names" {
  description = "The dead-letter queues of both, to alarm on."
  value       = [aws_sqs_queue.upload_events_dead_letters.name, aws_sqs_queue.model_events_dead_letters.name]
}

output "dead_letter_queue_arns" {
  description = "Their ARNs."
  value       = [local.upload_events_dead_letters_arn, local.model_events_dead_letters_arn]
}

output "room_events_topic_arn" {
  description = "The topic of room notifications."
  value       = local.room_events_arn
}

output "job_queue_arn_pattern" {
  description = "What the ARNs of the queues of all rooms, and of their dead letters, are like."
  value       = "arn:${var.partition}:sqs:${var.region}:${var.account_id}:${var.job_queue_prefix}-*"
}
