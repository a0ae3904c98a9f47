"""The embedded bank's HTTP face: the GSMA Mobile Money API 1.2, answered from our own books.

``tellerline bank serve`` runs it. What is not implemented is listed, with its reason, in
:mod:`tellerline.bank_face.left_out`.
"""
