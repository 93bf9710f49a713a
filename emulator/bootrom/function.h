// function name: begins a global Thumb function.
    .macro function name
    .text
    .align 2
    .global \name
    .type \name, %function
    .thumb_func
\name:
    .endm
