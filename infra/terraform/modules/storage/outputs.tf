output "uploads_bucket" {
  description = "The bucket of datasets (setting s3_upload_bucket)."
  value       = aws_s3_bucket.uploads.bucket
}

output "uploads_bucket_arn" {
  description = "Its ARN."
  value       = local.uploads_arn
}

output "rooms_bucket" {
  description = "The bucket of rooms (setting s3_room_bucket)."
  value       = aws_s3_bucket.rooms.bucket
}

output "rooms_bucket_arn" {
  description = "Its ARN."
  value       = local.rooms_arn
}

output "logs_bucket" {
  description = "The bucket of access logs, for access_logs_bucket of module service, too."
  value       = aws_s3_bucket.logs.bucket
}
