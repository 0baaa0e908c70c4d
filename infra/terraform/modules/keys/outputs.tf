output "key_arn" {
  description = "The key, for kms_key_arn of the modules storage, eventing and identity."
  value       = aws_kms_key.this.arn
}

output "alias" {
  description = "What the key is called in the console."
  value       = aws_kms_alias.this.name
}
