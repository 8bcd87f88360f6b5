package apiserver

import "strings"

// resource gives the ARN of what people write: an ARN as it is, else by the
// action the name of a topic, group or transactional id, or "cluster".
// Source: AWS Service Authorization Reference, "Apache Kafka APIs for Amazon
// MSK clusters".
func (a *API) resource(action, text string) string {
	if strings.HasPrefix(text, "arn:") || text == "*" {
		return text
	}
	d := a.parts.Bus().Deployment
	_, verb, _ := strings.Cut(strings.ToLower(action), ":")
	switch {
	case text == "cluster":
		return d.ClusterARN()
	case strings.Contains(verb, "transactionalid"):
		return d.TransactionalIDARN(text)
	case strings.Contains(verb, "group"):
		return d.GroupARN(text)
	default:
		return d.TopicARN(text)
	}
}
