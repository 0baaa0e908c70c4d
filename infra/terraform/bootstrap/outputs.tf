output "bucket" {
  description = "The bucket, for -backend-config=bucket=."
  value       = aws_s3_bucket.state.bucket
}
