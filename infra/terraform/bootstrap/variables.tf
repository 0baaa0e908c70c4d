variable "account_id" {
  description = "The AWS account, 12 digits."
  type        = string

  validation {
    condition     = can(regex("^[0-9]{12}$", var.account_id))
    error_message = "account_id is an AWS account: 12 digits (`aws sts get-caller-identity` shows it)."
  }
}

variable "region" {
  description = "The region that the state lies in: that of the environments."
  type        = string

  validation {
    condition     = can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", var.region))
    error_message = "region is the code of an AWS region, such as us-west-2."
  }
}
