package store

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"

	eventbus "github.com/enterprise-event-bus/eventbus"
)

// SavePlan saves a plan; a plan never changes (CodeConflict when it is there).
func (s *Store) SavePlan(ctx context.Context, p eventbus.Plan, audit ...eventbus.AuditEntry) error {
	text, err := encode(p)
	if err != nil {
		return err
	}
	return s.inTx(ctx, "save plan "+p.ID, func(tx *sql.Tx) error {
		if _, err := exec(ctx, tx, "INSERT INTO plans (id, made_at, changes, state) VALUES ($1, $2, $3, 'planned')",
			p.ID, micros(p.MadeAt), len(p.Changes)); err != nil {
			return err
		}
		if _, err := exec(ctx, tx, "INSERT INTO plan_documents (plan_id, document) VALUES ($1, $2)", p.ID, text); err != nil {
			return err
		}
		_, err := s.chain(ctx, tx, audit)
		return err
	})
}

// stepRows is the number of steps in one statement, for the same reason as
// auditRows.
const stepRows = 16

// SaveSteps records how far some changes of one plan have come, each named once:
// all of them, or none. From its first step on, the plan counts as being applied;
// when all are done, it is finished.
func (s *Store) SaveSteps(ctx context.Context, steps []eventbus.Step, audit ...eventbus.AuditEntry) error {
	if len(steps) == 0 {
		return nil
	}
	id := steps[0].PlanID
	return s.inTx(ctx, "save the steps of plan "+id, func(tx *sql.Tx) error {
		// First the plan's row: it orders concurrent writers of its steps.
		changes, err := queryRows(ctx, tx, func(rows *sql.Rows) (n int, err error) { return n, rows.Scan(&n) },
			"UPDATE plans SET state = CASE WHEN state = 'planned' THEN 'applying' ELSE state END WHERE id = $1 RETURNING changes", id)
		switch {
		case err != nil:
			return err
		case len(changes) == 0:
			return notFound("plan", id)
		}
		for _, step := range steps {
			if step.PlanID != id || step.Index < 0 || step.Index >= changes[0] {
				return eventbus.Errorf(eventbus.CodeInvalid, "plan %s has %d changes, there is no step %d of plan %s; nothing was saved", id, changes[0], step.Index, step.PlanID)
			}
		}
		if err := saveSteps(ctx, tx, id, steps); err != nil {
			return err
		}
		_, err = s.chain(ctx, tx, audit)
		return err
	})
}

func saveSteps(ctx context.Context, tx *sql.Tx, plan string, steps []eventbus.Step) error {
	more := 0 // steps that are done now and were not
	for chunk := range slices.Chunk(steps, stepRows) {
		args, marks, rows := []any{plan}, make([]string, len(chunk)), make([]string, len(chunk))
		for i, step := range chunk {
			if step.State == eventbus.StepDone {
				more++
			}
			args = append(args, step.Index)
			marks[i] = fmt.Sprintf("$%d", len(args))
		}
		before, err := queryRows(ctx, tx, count, "SELECT COUNT(*) FROM plan_steps WHERE plan_id = $1 AND state = 'done' AND position IN ("+strings.Join(marks, ", ")+")", args...)
		if err != nil {
			return err
		}
		more -= int(before[0])
		args = args[:1]
		for i, step := range chunk {
			n := len(args)
			rows[i] = fmt.Sprintf("($1, $%d, $%d, $%d, $%d, $%d)", n+1, n+2, n+3, n+4, n+5)
			args = append(args, step.Index, string(step.State), step.Attempts, step.Error, micros(step.At))
		}
		if _, err := exec(ctx, tx, "INSERT INTO plan_steps (plan_id, position, state, attempts, problem, at) VALUES "+strings.Join(rows, ", ")+`
			ON CONFLICT (plan_id, position) DO UPDATE SET state = excluded.state, attempts = excluded.attempts,
			problem = excluded.problem, at = excluded.at`, args...); err != nil {
			return err
		}
	}
	if more == 0 {
		return nil
	}
	_, err := exec(ctx, tx, `UPDATE plans SET steps_done = steps_done + $2, state = CASE
		WHEN state = 'abandoned' THEN state WHEN steps_done + $2 >= changes THEN 'done' ELSE 'applying' END WHERE id = $1`, plan, more)
	return err
}

// AbandonPlan marks a plan that will not be carried on, because another takes
// its place; finished plans stay as they are.
func (s *Store) AbandonPlan(ctx context.Context, id string, audit ...eventbus.AuditEntry) error {
	return s.inTx(ctx, "abandon plan "+id, func(tx *sql.Tx) error {
		rows, err := exec(ctx, tx, "UPDATE plans SET state = CASE WHEN state = 'done' THEN state ELSE 'abandoned' END WHERE id = $1", id)
		switch {
		case err != nil:
			return err
		case rows == 0:
			return notFound("plan", id)
		}
		_, err = s.chain(ctx, tx, audit)
		return err
	})
}

// Plan gives a plan and the step of each of its changes, in order; steps that
// were never saved are waiting.
func (s *Store) Plan(ctx context.Context, id string) (eventbus.Plan, []eventbus.Step, error) {
	list, err := queryRows(ctx, s.read, document[eventbus.Plan], "SELECT document FROM plan_documents WHERE plan_id = $1", id)
	plan, err := one(list, err, "plan", id)
	if err != nil {
		return eventbus.Plan{}, nil, err
	}
	steps := make([]eventbus.Step, len(plan.Changes))
	for i, change := range plan.Changes {
		steps[i] = eventbus.Step{PlanID: id, Index: i, Change: change, State: eventbus.StepWaiting}
	}
	recorded, err := queryRows(ctx, s.read, func(rows *sql.Rows) (t eventbus.Step, err error) {
		var at int64
		err = rows.Scan(&t.Index, &t.State, &t.Attempts, &t.Error, &at)
		t.At = moment(at)
		return t, err
	}, "SELECT position, state, attempts, problem, at FROM plan_steps WHERE plan_id = $1", id)
	if err != nil {
		return eventbus.Plan{}, nil, translate(err, "read the steps of plan "+id)
	}
	for _, t := range recorded {
		if t.Index < len(steps) {
			t.PlanID, t.Change = id, plan.Changes[t.Index]
			steps[t.Index] = t
		}
	}
	return plan, steps, nil
}

// UnfinishedPlans gives the plans of which at least one step was begun and not
// all are done, oldest first.
func (s *Store) UnfinishedPlans(ctx context.Context) ([]eventbus.Plan, error) {
	list, err := queryRows(ctx, s.read, document[eventbus.Plan], "SELECT d.document FROM plans p JOIN plan_documents d ON d.plan_id = p.id WHERE p.state = 'applying' ORDER BY p.made_at, p.id")
	return all(list, err, "unfinished plans")
}
