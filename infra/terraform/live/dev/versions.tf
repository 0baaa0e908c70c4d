terraform {
  required_version = ">= 1.11"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 6.25"
    }
  }

  # The bucket and its region come from `infra/deploy.py`: both follow from the account (see bootstrap).
  backend "s3" {
    key          = "sleap-rtc/dev/terraform.tfstate"
    encrypt      = true
    use_lockfile = true
  }
}

provider "aws" {
  region              = var.region
  allowed_account_ids = [var.account_id]

  default_tags {
    tags = {
      Project    = "sleap-rtc"
      Deployment = "sleap-rtc-dev"
    }
  }
}
