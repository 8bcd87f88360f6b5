package samples

import "github.com/enterprise-event-bus/eventbus"

// kindNotes are the known traps of a kind of client. Each was met by a real one.
func kindNotes(a Access, kind Kind) []string {
	if !a.signed() {
		return []string{"PLAINTEXT is for development on this machine only; everyone on it is the administrator."}
	}
	notes := []string{keysNote}
	if a.STSEndpoint != "" {
		notes = append(notes, "The bus has its own STS: set AWS_ENDPOINT_URL_STS="+a.STSEndpoint+" and AWS_REGION="+a.Region+".")
	}
	switch kind {
	case kindPython:
		notes = append(notes, "boto3 reads AWS_DEFAULT_REGION and not AWS_REGION; without it a role cannot be assumed, and all that librdkafka says is that the token was not set.")
	case KindMSKIAM, KindOAuthBearer:
		if a.STSEndpoint != "" {
			notes = append(notes, "Leave awsStsRegion out: with it releases of the library before 2.3.9 ask sts."+a.Region+".amazonaws.com, and AWS_ENDPOINT_URL_STS has no effect.")
		}
		if a.RoleARN != "" {
			notes = append(notes, `awsAddDefaultProviders="false" is there so that a role that cannot be assumed is an error; without it the library goes on with another identity.`)
		}
	case KindLibrdkafka:
		notes = append(notes, "librdkafka cannot sign in with IAM by properties alone: your program gives it MSK's token in the OAUTHBEARER token refresh callback.")
	}
	return notes
}

// kindPython stands for Python's traps, which no properties have.
const kindPython Kind = "python"

const keysNote = "Credentials come from AWS's default chain (AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, a profile, the instance); never write them into a file that is committed."

// directionNotes are the traps of producing or consuming, whatever the client.
func directionNotes(a Access, t Topic, d eventbus.Direction, group string) []string {
	if d == eventbus.Consumed {
		return []string{"The group id must be one that the grant allows: " + group + ". Offsets are committed after the records were dealt with, so a record may come twice, never not at all."}
	}
	notes := []string{"Schemas are registered by onboarding, not by producers: the value must fit the latest version of subject " + eventbus.ValueSubject(t.Name) + "."}
	if a.signed() && !a.Idempotent {
		notes = append(notes, "Idempotence is off: most clients turn it on by default, and without a grant of kafka-cluster:WriteDataIdempotently they are refused. Ask for it when duplicates hurt.")
	}
	return notes
}
