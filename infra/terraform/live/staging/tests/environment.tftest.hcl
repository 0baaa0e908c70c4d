mock_provider "aws" {}

variables {
  account_id              = "123456789012"
  region                  = "us-west-2"
  hostname                = "sleap-staging.example.org"
  certificate_arn         = "arn:aws:acm:us-west-2:123456789012:certificate/11111111-2222-3333-4444-555555555555"
  image                   = "123456789012.dkr.ecr.us-west-2.amazonaws.com/sleap-rtc-service:0.1.0"
  notify_emails           = ["lab@example.org"]
  monthly_budget_usd      = 200
  operator_principal_arns = ["arn:aws:iam::123456789012:role/Admin"]
}

run "is_named_after_its_environment" {
  command = plan

  assert {
    condition     = output.name == "sleap-rtc-staging"
    error_message = "Everything in staging is called sleap-rtc-staging."
  }
}
