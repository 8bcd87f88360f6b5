module github.com/enterprise-event-bus/eventbus/bench

go 1.26.8
