package gateway

import "github.com/twmb/franz-go/pkg/kmsg"

// Kafka's own ACLs do not exist here, IAM policies do. The three APIs are not
// advertised; who calls them all the same learns SECURITY_DISABLED.

const aclMessage = "This cluster has no Kafka ACLs; access is decided by IAM policies."

// DescribeAcls: v0-3
func describeACLsRow() *api {
	return hidden(requestRow(29, 0, 3, "1 s 1@1+ s s 1 1", func(c *call, _ *kmsg.DescribeACLsRequest) {
		reply(c, func(p *kmsg.DescribeACLsResponse) {
			p.ErrorCode, p.ErrorMessage = errSecurityDisabled, text(aclMessage)
		})
	}))
}

// CreateAcls: v0-3
func createACLsRow() *api {
	return hidden(requestRow(30, 0, 3, "[{1 s 1@1+ s s 1 1}]", func(c *call, q *kmsg.CreateACLsRequest) {
		reply(c, func(p *kmsg.CreateACLsResponse) {
			for range q.Creations {
				one := kmsg.NewCreateACLsResponseResult()
				one.ErrorCode, one.ErrorMessage = errSecurityDisabled, text(aclMessage)
				p.Results = append(p.Results, one)
			}
		})
	}))
}

// DeleteAcls: v0-3
func deleteACLsRow() *api {
	return hidden(requestRow(31, 0, 3, "[{1 s 1@1+ s s 1 1}]", func(c *call, q *kmsg.DeleteACLsRequest) {
		reply(c, func(p *kmsg.DeleteACLsResponse) {
			for range q.Filters {
				one := kmsg.NewDeleteACLsResponseResult()
				one.ErrorCode, one.ErrorMessage = errSecurityDisabled, text(aclMessage)
				p.Results = append(p.Results, one)
			}
		})
	}))
}

func hidden(a *api) *api {
	a.hidden = true
	return a
}
