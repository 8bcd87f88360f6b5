package rest

import (
	"encoding/json"
	"errors"
	"net/http"

	"github.com/enterprise-event-bus/eventbus/internal/registry"
)

// verdictBody answers a compatibility check; messages only with verbose.
type verdictBody struct {
	Compatible bool      `json:"is_compatible"`
	Messages   *[]string `json:"messages,omitempty"`
}

// POST /compatibility/subjects/{subject}/versions
func checkAll(c *call) (any, error) { return c.check(registry.AllVersions) }

// POST /compatibility/subjects/{subject}/versions/{version}
func checkVersion(c *call) (any, error) {
	number, err := c.version()
	if err != nil {
		return nil, err
	}
	return c.check(number)
}

// check answers 200 with the parse error as a message when the schema is wrong
// and verbose is set, 42201 otherwise.
func (c *call) check(number int) (any, error) {
	req, err := c.request()
	if err != nil {
		return nil, err
	}
	verdict, err := c.h.reg.Check(c.r.Context(), c.subject(), number, req)
	var fault *registry.Error
	if errors.As(err, &fault) && fault.Code == registry.ErrInvalidSchema && c.flag("verbose") {
		verdict, err = registry.Verdict{Messages: []string{fault.Message}}, nil
	}
	if err != nil {
		return nil, err
	}
	out := verdictBody{Compatible: verdict.Compatible}
	if c.flag("verbose") {
		out.Messages = &verdict.Messages
	}
	return out, nil
}

// GET /config and /config/{subject}
func getConfig(c *call) (any, error) {
	return c.h.reg.Setting(c.subject(), c.flag("defaultToGlobal"))
}

// PUT /config and /config/{subject}: what is absent stays, null clears.
func putConfig(c *call) (any, error) {
	var body map[string]json.RawMessage
	if err := c.read(&body); err != nil {
		return nil, err
	}
	change := registry.Setting{}
	for _, name := range []string{"alias", "aliasForDeks", "normalize", "validateFields", "validateNewSchemas", "validateRules", "compatibilityPolicy", "compatibilityGroup",
		"defaultMetadata", "overrideMetadata", "defaultRuleSet", "overrideRuleSet"} {
		if value, ok := body[name]; ok {
			change[name] = value
		}
	}
	level, hasLevel := body["compatibility"]
	if hasLevel {
		change["compatibilityLevel"] = level
	}
	now, err := c.h.reg.SetSetting(c.r.Context(), c.caller, c.subject(), change)
	if err != nil {
		return nil, err
	}
	echo := map[string]json.RawMessage{}
	for name := range change {
		if value, ok := now[name]; ok && name != "compatibilityLevel" {
			echo[name] = value
		}
	}
	if hasLevel && string(level) != "null" {
		echo["compatibility"] = now["compatibilityLevel"]
	}
	return echo, nil
}

// DELETE /config and /config/{subject}
func deleteConfig(c *call) (any, error) {
	return c.h.reg.ClearCompatibility(c.r.Context(), c.caller, c.subject())
}

type modeBody struct {
	Mode registry.Mode `json:"mode"`
}

// GET /mode and /mode/{subject}
func getMode(c *call) (any, error) {
	mode, err := c.h.reg.Mode(c.subject(), c.flag("defaultToGlobal"))
	return modeBody{mode}, err
}

// PUT /mode and /mode/{subject}
func putMode(c *call) (any, error) {
	var body modeBody
	if err := c.read(&body); err != nil {
		return nil, err
	}
	err := c.h.reg.SetMode(c.r.Context(), c.caller, c.subject(), body.Mode, c.flag("force"))
	return body, err
}

// DELETE /mode and /mode/{subject}
func deleteMode(c *call) (any, error) {
	mode, err := c.h.reg.ClearMode(c.r.Context(), c.caller, c.subject(), c.flag("recursive"))
	return modeBody{mode}, err
}

// GET /contexts
func listContexts(c *call) (any, error) {
	return page(c, c.h.reg.Contexts(c.query.Get("contextPrefix")), 0), nil
}

// DELETE /contexts/{context}
func deleteContext(c *call) (any, error) {
	if err := c.h.reg.DeleteContext(c.r.Context(), c.caller, normalContext(c.vars["context"])); err != nil {
		return nil, err
	}
	c.w.WriteHeader(http.StatusNoContent)
	return nil, nil
}
