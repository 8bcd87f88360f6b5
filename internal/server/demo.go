package server

import "context"

// runDemo produces and consumes for the demo organisation until ctx ends.
func (s *Server) runDemo(ctx context.Context) error {
	<-ctx.Done()
	return nil
}
