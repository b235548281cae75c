package readback

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	errorsv1 "github.com/readback/readback/clients/go/gen/readback/errors/v1"
)

// ErrNotSignedIn says that there is no session, or that it has ended.
var ErrNotSignedIn = errors.New("you are not signed in, or the session has ended: sign in")

const reasonPrefix = "ERROR_REASON_"

// Error is an error that a service, or the connection to it, answered with. Look at Reason:
//
//	var failed *readback.Error
//	notFound := errorsv1.ErrorReason_ERROR_REASON_CONVERSATION_NOT_FOUND
//	if errors.As(err, &failed) && failed.Reason == notFound {
type Error struct {
	// Reason is unspecified if the error comes from the connection, or from a later service.
	Reason errorsv1.ErrorReason
	// Facts belong to the reason.
	Facts map[string]string
	// Violations are the fields of the request that break their rules, each with the problem in words.
	Violations map[string]string
	// RetryAfter is the wait that the service asks for.
	RetryAfter time.Duration

	status *status.Status
}

// Error returns the service's words and the name of the reason.
func (e *Error) Error() string {
	name := e.Code().String()
	if e.Reason != errorsv1.ErrorReason_ERROR_REASON_UNSPECIFIED {
		name = strings.TrimPrefix(e.Reason.String(), reasonPrefix)
	}
	return fmt.Sprintf("%s [%s]", e.status.Message(), name)
}

// Code returns gRPC's code.
func (e *Error) Code() codes.Code { return e.status.Code() }

// GRPCStatus lets gRPC's functions read the error.
func (e *Error) GRPCStatus() *status.Status { return e.status }

// Is reports whether the error is the one of a context.
func (e *Error) Is(target error) bool {
	return target == context.Canceled && e.Code() == codes.Canceled ||
		target == context.DeadlineExceeded && e.Code() == codes.DeadlineExceeded
}

// typed returns the Error for an error of gRPC, and any other error as it is.
func typed(err error) error {
	answer, isStatus := status.FromError(err)
	if known := (*Error)(nil); err == nil || err == io.EOF || !isStatus || errors.As(err, &known) {
		return err
	}
	typed := &Error{status: answer, Violations: map[string]string{}}
	for _, detail := range answer.Details() {
		switch detail := detail.(type) {
		case *errdetails.ErrorInfo:
			typed.Reason = errorsv1.ErrorReason(errorsv1.ErrorReason_value[reasonPrefix+detail.GetReason()])
			typed.Facts = detail.GetMetadata()
		case *errdetails.BadRequest:
			for _, each := range detail.GetFieldViolations() {
				typed.Violations[each.GetField()] = each.GetDescription()
			}
		case *errdetails.RetryInfo:
			typed.RetryAfter = detail.GetRetryDelay().AsDuration()
		}
	}
	return typed
}

// typedStream turns the errors of a stream into Errors.
type typedStream struct{ grpc.ClientStream }

func (s typedStream) RecvMsg(message any) error { return typed(s.ClientStream.RecvMsg(message)) }
